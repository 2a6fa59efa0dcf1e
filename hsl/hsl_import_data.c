#include "config.h"
#include "hsl/hsl_module.h"
struct hsl_value *
hsl_import_data(struct hsl_unit *u, struct hsl_name name, struct hsl_pos pos,
    const struct hsl_node *options)
{
    (void)name;
    (void)options;
    hsl_unit_error(u, "C01", pos, "import of data is not supported yet");
    return NULL;
}
