/* hsl_ast.h - the tree: made by hsl_parse.c, annotated by hsl_check.c, read by hsl_code.c.
 *
 * Everything lies in the unit's arena and goes with it. Lists are linked through ->next. One node
 * type with a union: which member is used stands behind each kind. A node's position is the token
 * that starts the construct, except: binary operators and assignments carry the operator's, calls
 * that of the callee's first token, and `a[b]`, `a->b` that of the bracket or arrow.
 *
 * Names: the checker turns every variable into a struct hsl_var of a struct hsl_scope, so that the
 * compiler only has to give out registers and cells, and every bare name into a function, class,
 * built-in or import. */
#ifndef HSL_AST_H
#define HSL_AST_H

#include "hsl/hsl_lib.h"
#include "hsl/hsl_value.h"
#include "lib/ut_arena.h"

struct hsl_pos {
    uint32_t line;   /* from 1 */
    uint16_t column; /* bytes from 1; 65535 for all behind */
    uint16_t file;   /* index into unit->files */
};

/* Borrowed bytes of source or arena. */
struct hsl_name {
    const char *p;
    uint32_t len;
};

enum hsl_node_kind {
    /* expressions */
    HSL_N_NONE, HSL_N_TRUE, HSL_N_FALSE,
    HSL_N_NUM,      /* num */
    HSL_N_STR,      /* str: escapes done */
    HSL_N_INTERP,   /* list: parts, N_STR and N_VAR (position of the $) */
    HSL_N_REGEX,    /* regex */
    HSL_N_VAR,      /* var */
    HSL_N_ARRAY,    /* list: N_ELEM */
    HSL_N_OBJECT,   /* list: N_ELEM with key (object [...]) */
    HSL_N_ELEM,     /* elem: of arrays, patterns, calls' spread (key NULL, value, spread) */
    HSL_N_FUNCTION, /* function */
    HSL_N_MATCH,    /* match */
    HSL_N_CACHE,    /* cache */
    HSL_N_NAME,     /* name: bare ident as a value; `builtin ident` sets builtin */
    HSL_N_STATIC,   /* scoped: C::name, ns::name, static::name; C::$v with is_var */
    HSL_N_ISSET,    /* un.a: lvalue */
    HSL_N_UNSET,    /* un.a: lvalue, or slice of one */
    HSL_N_CALL,     /* call */
    HSL_N_INDEX,    /* bin.a [ bin.b ]; b NULL: `$v[]` */
    HSL_N_SLICE,    /* slice */
    HSL_N_PROP,     /* prop: a->name */
    HSL_N_UNARY,    /* un: op */
    HSL_N_BINARY,   /* bin: op */
    HSL_N_AND, HSL_N_OR, /* bin */
    HSL_N_NOT,      /* un: `not` and `!` */
    HSL_N_INCDEC,   /* incdec */
    HSL_N_ASSIGN,   /* assign: op HSL_OP_COUNT_ for plain `=`; a is an lvalue or N_PATTERN or N_SLICE */
    HSL_N_COALESCE_ASSIGN, /* bin: a ??= b */
    HSL_N_COALESCE, /* bin: a ?? b */
    HSL_N_TERNARY,  /* tern: b NULL for `a ?: c` */
    HSL_N_YIELD,    /* bin: a key or NULL, b value or NULL */
    HSL_N_PATTERN,  /* pattern list: N_ELEM, value is target; keyed or positional */
    /* statements */
    HSL_N_EXPR,     /* un.a */
    HSL_N_ECHO,     /* un.a */
    HSL_N_BLOCK,    /* list: statements */
    HSL_N_IF,       /* tern: a condition, b then, c else or NULL */
    HSL_N_WHILE,    /* loop: cond NULL for forever */
    HSL_N_FOR,      /* loop */
    HSL_N_FOREACH,  /* foreach */
    HSL_N_SWITCH,   /* match: arms with body */
    HSL_N_BREAK, HSL_N_CONTINUE,
    HSL_N_RETURN,   /* un.a or NULL */
    HSL_N_THROW,    /* un.a */
    HSL_N_TRY,      /* trycatch */
    HSL_N_BARRIER,  /* barrier */
    HSL_N_GLOBAL,   /* list: N_VAR */
    HSL_N_INCLUDE,  /* include: body holds the statements of the file, scope shared */
    HSL_N_IMPORT,   /* import */
    HSL_N_FUNCDECL, /* function */
    HSL_N_CLASS,    /* class */
    HSL_N_EMPTY
};

struct hsl_node {
    uint8_t kind;         /* enum hsl_node_kind */
    uint8_t op;           /* enum hsl_op where the kind has one */
    uint8_t flag;         /* see the members */
    struct hsl_pos pos;
    struct hsl_node *next;/* in a list */
    union {
        double num;
        struct hsl_name str;
        struct { struct hsl_node *first; uint32_t count; bool keyed; } list;
        struct { struct hsl_name pattern; char flags[8]; } regex;
        struct { struct hsl_name name; struct hsl_var *var; } var;      /* var: by the checker */
        struct { struct hsl_node *key, *value, *def; bool spread; } elem; /* def: default in a pattern */
        struct { struct hsl_node *a; } un;
        struct { struct hsl_node *a, *b; } bin;
        struct { struct hsl_node *a, *b, *c; } tern;
        struct { struct hsl_node *a, *first, *last, *step; } slice;     /* bounds may be NULL */
        struct { struct hsl_node *a; struct hsl_name name; } prop;
        struct { struct hsl_node *target, *value; } assign;
        struct { struct hsl_node *target; bool dec, post; } incdec;
        struct { struct hsl_node *callee; struct hsl_node *args; uint32_t argc; bool spread; } call; /* args: expressions, or N_ELEM with spread */
        struct { struct hsl_name name; bool builtin; struct hsl_symbol *sym; } name; /* sym: by the checker */
        struct { struct hsl_name left, right; bool is_var; struct hsl_symbol *sym; } scoped;
        struct { struct hsl_node *subject; struct hsl_node *arms; } match; /* arms: linked N_EMPTY nodes with arm */
        struct { struct hsl_node *tests; struct hsl_node *body; bool is_default; } arm; /* tests: linked; body: expression, or list of statements of a case (N_BLOCK) */
        struct { struct hsl_node *cond, *init, *step, *body; } loop;
        struct { struct hsl_node *subject, *key, *value, *body; } foreach; /* key NULL; targets: lvalue or pattern */
        struct { struct hsl_node *body, *handler; struct hsl_node *var; } trycatch; /* var: N_VAR */
        struct { struct hsl_node *name; struct hsl_node *var; struct hsl_node *body; } barrier; /* var NULL */
        struct { struct hsl_node *options; struct hsl_node *callee; struct hsl_node *args; uint32_t argc; bool spread; } cache;
        struct { struct hsl_name file; struct hsl_node *body; bool once; } include;
        struct { struct hsl_name file; struct hsl_node *syms; struct hsl_name data_var; struct hsl_node *options; } import; /* syms: linked N_EMPTY with importsym */
        struct { struct hsl_name name, as; bool is_var, star; } importsym;
        struct hsl_function *function;
        struct hsl_class_decl *class;
    } u;
};

/* node->flag of an N_VAR or N_STATIC that stands for a static member: what is R13 at run time. */
#define HSL_REFUSE_ALL 1u   /* private, and this is not its class */
#define HSL_REFUSE_WRITE 2u /* readonly, and this is not its class */

/* A variable of one scope. */
struct hsl_var {
    struct hsl_name name;
    struct hsl_var *next;    /* in its scope, in order of first mention */
    struct hsl_scope *scope;
    struct hsl_pos pos;      /* first mention */
    bool param;              /* a parameter; [index] is its number from 0 */
    bool assigned;           /* assigned somewhere in its scope (or foreach, catch, pattern ...) */
    bool read;               /* read somewhere */
    bool captured;           /* used by a closure, or bound by `global` somewhere: lives in a cell */
    bool unset;              /* some unset($v) names it */
    bool global;             /* in a function: bound by `global`; [outer] is the global it stands for */
    bool capture;            /* in a function: listed in closure(); [outer] is the one captured */
    bool is_static;          /* variable of a class; in a function: [global] to that */
    bool predefined;         /* a flow variable (hsl_flow.def) of the global scope; [index] its row */
    bool readonly;           /* predefined, and the script is classic */
    bool imported;           /* [outer] is the module's variable; NULL: data, see struct hsl_import */
    struct hsl_var *outer;
    const struct hsl_var *earlier; /* the same one in the step before (hsl_session.c), or NULL */
    uint32_t index;          /* parameter number, or row of hsl_flow.def */
    uint32_t slot;           /* for the compiler */
};

/* A name that can be called or constructed. */
enum hsl_symbol_kind { HSL_SYM_FUNCTION, HSL_SYM_CLASS, HSL_SYM_BUILTIN, HSL_SYM_BUILTIN_CLASS, HSL_SYM_METHOD, HSL_SYM_STATIC_VAR, HSL_SYM_NAMESPACE };

struct hsl_symbol {
    uint8_t kind; /* enum hsl_symbol_kind */
    struct hsl_name name;
    struct hsl_symbol *next;             /* in its scope */
    struct hsl_pos pos;
    struct hsl_function *function;       /* FUNCTION, METHOD */
    const struct hsl_builtin *builtin;   /* BUILTIN, BUILTIN_CLASS (its constructor row) */
    struct hsl_class_decl *class;        /* CLASS, STATIC_VAR */
    struct hsl_unit *module;             /* NAMESPACE */
    uint32_t slot;                       /* for the compiler */
    bool earlier;                        /* by an earlier step: may be declared anew */
};

/* One global scope or one function. Blocks do not scope. */
struct hsl_scope {
    struct hsl_scope *parent;      /* the function or file around; names of functions are found through it, variables are not */
    struct hsl_unit *unit;
    struct hsl_function *function; /* NULL: the global scope */
    struct hsl_class_decl *class;  /* the class around, or NULL */
    bool instance;                 /* $this is surely an object of [class] */
    struct hsl_var *vars;          /* in order of first mention */
    uint32_t var_count;
    struct hsl_symbol *symbols;    /* functions, classes, imports declared here */
    void *index;                   /* the checker's hash of vars */
};

struct hsl_param {
    struct hsl_name name;
    struct hsl_pos pos;
    struct hsl_node *def;    /* constant default, or NULL */
    bool rest;
    struct hsl_var *var;     /* by the checker */
    struct hsl_param *next;
};

struct hsl_function {
    struct hsl_name name;        /* empty: anonymous */
    struct hsl_pos pos;
    struct hsl_param *params;
    uint32_t param_count, required; /* counted without and with defaults: required <= param_count */
    bool rest;                   /* the last parameter takes the rest; not counted in param_count */
    struct hsl_node *captures;   /* closure(...): linked N_VAR (of the inner scope after the check) */
    struct hsl_node *body;       /* N_BLOCK */
    struct hsl_scope *scope;     /* made by the checker */
    struct hsl_class_decl *class;/* method of, or written inside a method of */
    bool is_static, is_private, is_constructor, is_method;
    bool uses_this;              /* mentions $this, or contains one that does */
    bool is_generator;
    struct hsl_function *next;   /* all functions of the unit, in order of appearance, inner ones too */
    uint32_t number;             /* for the compiler */
    void *proto;                 /* for the compiler */
};

struct hsl_member_var {
    struct hsl_name name;
    struct hsl_pos pos;
    struct hsl_node *def; /* constant, or NULL */
    bool is_private, is_readonly, is_static;
    bool computed;        /* not static: when an object is made; by the compiler */
    struct hsl_var *var;  /* static: the global variable that holds it; by the checker */
    uint32_t slot;        /* not static: place in the object; by the compiler */
    struct hsl_member_var *next;
};

/* What a name of a class stands for. */
struct hsl_member_decl {
    struct hsl_symbol sym;      /* METHOD with its function, or STATIC_VAR */
    struct hsl_member_var *var; /* a variable, static or not; NULL: a function */
};

struct hsl_class_decl {
    struct hsl_name name;
    struct hsl_pos pos;
    struct hsl_member_var *vars;
    struct hsl_function *constructor; /* or NULL */
    struct hsl_node *methods;         /* linked N_FUNCDECL */
    struct hsl_class_decl *next;      /* all classes of the unit */
    struct hsl_unit *unit;            /* by the checker: where it is declared */
    void *index;                      /* the checker's hash of members */
    bool checked;                     /* a class may be met twice in files included twice */
    uint32_t number, value;           /* for the compiler: in the program; its constant */
};

struct hsl_source_file {
    const char *name;          /* as in messages */
    const char *path;          /* real path, or NULL */
    const char *text;          /* content, kept until the unit goes */
    size_t len;
    int included_by;           /* index of the file, or -1 */
    struct hsl_pos include_pos;
    bool imported;             /* a module or data: [included_by] imports it */
};

/* What an import statement does before the first statement of its file runs. */
struct hsl_import {
    struct hsl_import *next;
    struct hsl_pos pos;
    struct hsl_unit *module;  /* to be initialised; NULL: data */
    struct hsl_var *var;      /* data: the variable */
    struct hsl_value *value;  /* data: what it holds, in the heap of the program's constants */
};

/* One compilation: the main script with its includes, or a module with its includes. The units of
 * a program share the arena, the diagnostics and one table of files, which the main one has. */
struct hsl_unit {
    struct ut_arena *arena;
    struct hsl_env *env;
    struct ut_conf *conf; /* for "file:ID", borrowed; NULL: that of [env] */
    enum hsl_flow flow;
    const struct hsl_limits *limits;
    struct ut_diag_list *diags;
    struct hsl_unit *main;         /* of a module: the script's unit; NULL: this is it */
    struct hsl_unit *next_module;  /* in order of the first import; the main unit comes first */
    struct hsl_source_file *files; /* array; of the main unit, for all */
    uint32_t file_count;
    size_t source_bytes;           /* of all files */
    uint32_t first_file;           /* index of the unit's own file */
    struct hsl_pos import_pos;     /* of a module: where it was first imported */
    unsigned depth;                /* of imports and includes above */
    bool loading;                  /* is being read or checked: an import of it is a cycle */
    bool refused;                  /* it has errors, which were reported */
    struct hsl_import *imports;    /* in order */
    struct hsl_run *consts;        /* the heap for data that is imported; NULL: none can be */
    uint32_t number;               /* of its top level, for the compiler */
    struct hsl_node *body;         /* N_BLOCK of the main file */
    struct hsl_scope *globals;
    struct hsl_function *functions;/* every function of the unit, linked by ->next */
    struct hsl_class_decl *classes;
    bool modern;                   /* language §1, script generation */
    bool no_optimize;
    bool stepwise;                 /* one step of an interactive session (hsl_session.c) */
    struct hsl_unit *before;       /* stepwise: the step before, complete; NULL: the first */
    const struct hsl_prog *program;/* stepwise: what became of the unit */
    struct hsl_name *mentions;     /* names of built-ins called and predefined variables mentioned; of
                                    * the main unit, for all */
    uint32_t mention_count;
};

/* hsl_parse.c: bytes to a tree. The unit (arena, limits, diags ... set by the caller) gets files and
 * body, includes opened and parsed in place. 0, or -1 if there was any error (in unit->diags). */
int hsl_parse_unit(struct hsl_unit *u, const struct hsl_source *src) UT_CHECKED;

/* hsl_check.c: names, arity, flows, scopes; fills the annotations. 0 / -1 like above. */
int hsl_check_unit(struct hsl_unit *u) UT_CHECKED;

/* hsl_fold.c: constant expressions (§16). True and *out if [n] is constant and has no error; the value
 * lies in [r]'s heap, strings are new. Used for defaults (checked to be constant, else C01 by the
 * checker) and by the compiler. */
bool hsl_node_is_const(const struct hsl_node *n);

#endif
