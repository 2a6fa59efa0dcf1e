/* hsl_check.h - what the files of the checker share; hsl_ast.h has the way in, hsl_check_unit(). */
#ifndef HSL_CHECK_H
#define HSL_CHECK_H

#include "hsl/hsl_ast.h"
#include "hsl/hsl_lex.h"
#include "hsl/hsl_nametab.h"
#include "hsl/hsl_unit.h"

/* A loop or switch around the statement being checked. */
struct hsl_check_jump {
    struct hsl_check_jump *outer;
    bool is_switch;
    bool broken; /* a `break` leaves it */
};

struct hsl_check {
    struct hsl_unit *u;
    struct hsl_scope *scope;            /* being checked */
    struct hsl_check_jump *jump;        /* innermost of this function */
    unsigned nested;                    /* statements around this one, includes not counted */
    bool in_log;                        /* inside echo or syslog */
    bool in_barrier;                    /* inside barrier, in this function */
    bool imports;                       /* names may come from an import that was refused */
    struct hsl_nametab builtins;        /* name to struct hsl_symbol of built-ins used */
    struct hsl_function **functions_end;/* end of unit->functions */
    struct hsl_class_decl **classes_end;/* end of unit->classes */
    struct hsl_import **imports_end;    /* end of unit->imports */
};

/* A variable with what only the checker wants to know. */
struct hsl_check_var {
    struct hsl_var v;
    struct hsl_pos first_read; /* line 0: never read */
    bool shared;               /* closures or `global` may assign it too */
    bool warned;               /* about assigning to a predefined name */
    bool written;              /* assigned in its own scope, as far as the walk has come */
};

/* scope->index */
struct hsl_check_index {
    struct hsl_nametab vars;    /* to struct hsl_check_var */
    struct hsl_nametab symbols; /* to struct hsl_symbol */
    struct hsl_var **vars_end;
    struct hsl_symbol **symbols_end;
};

/* --- hsl_check_scope.c: scopes, variables, symbols -------------------------------------------- */

/* Cleared memory, or NULL and an error. */
void *hsl_check_alloc(struct hsl_check *c, size_t size);
/* A scope inside the current one, for [f] (NULL: the global one). */
struct hsl_scope *hsl_check_scope_new(struct hsl_check *c, struct hsl_function *f);
/* The variable of that name if it was mentioned in [s] before, or NULL. */
struct hsl_check_var *hsl_check_find_var(const struct hsl_scope *s, struct hsl_name name);
/* The same, made if need be; predefined ones in the global scope. NULL: no memory. */
struct hsl_check_var *hsl_check_var(struct hsl_check *c, struct hsl_scope *s,
    struct hsl_name name, struct hsl_pos pos);
/* The variable is read, assigned, or used in another way ([quiet]: isset, ??, unset) at [n], an
 * N_VAR of the current scope. */
void hsl_check_var_read(struct hsl_check *c, struct hsl_node *n);
void hsl_check_var_write(struct hsl_check *c, struct hsl_node *n);
void hsl_check_var_quiet(struct hsl_check *c, struct hsl_node *n);
/* C05 if the variable of [n] must not be changed. */
void hsl_check_var_writable(struct hsl_check *c, const struct hsl_node *n);
/* True if the predefined variable [v] is never a boolean. */
bool hsl_check_var_not_boolean(const struct hsl_var *v);
/* Warnings about the variables of [s], which is complete. */
void hsl_check_scope_end(struct hsl_check *c, struct hsl_scope *s);
/* Takes the variables and symbols of [before], the global scope of the step before, into the current
 * scope. The symbols may be declared anew. -1 without memory. */
int hsl_check_continue(struct hsl_check *c, const struct hsl_scope *before) UT_CHECKED;
/* Enters a symbol in the current scope. NULL: the name is taken, reported; *again if it is by the
 * same place in a file that is included again. */
struct hsl_symbol *hsl_check_declare(struct hsl_check *c, enum hsl_symbol_kind kind,
    struct hsl_name name, struct hsl_pos pos, struct hsl_symbol **again);
/* [a] and [b] are the same place of the same file, included more than once. */
bool hsl_check_same_place(struct hsl_unit *u, struct hsl_pos a, struct hsl_pos b);
/* Declares the functions and classes of the statements from [n] on in the current scope; at the
 * top level of a file also what it imports. */
void hsl_check_hoist(struct hsl_check *c, struct hsl_node *n);
/* What the bare name [n] (N_NAME) stands for, also left in it; NULL: C04 was reported. */
struct hsl_symbol *hsl_check_resolve(struct hsl_check *c, struct hsl_node *n);
/* The class or other symbol of that name, no built-in; NULL: there is none. */
struct hsl_symbol *hsl_check_find_symbol(const struct hsl_check *c, struct hsl_name name);

/* --- hsl_check_class.c ------------------------------------------------------------------------ */

/* The members of [d], declared in the current scope. */
void hsl_check_class(struct hsl_check *c, struct hsl_class_decl *d);
/* `Name::member` [n] of class [d]. A static variable becomes an N_VAR that stands for it; its flag
 * says what it may not be used for (HSL_REFUSE_...). A static function is left in its sym. False:
 * reported. */
bool hsl_check_member(struct hsl_check *c, struct hsl_node *n, struct hsl_class_decl *d);
/* $this is mentioned in the current scope. */
void hsl_check_this(struct hsl_check *c);

/* --- hsl_check_expr.c ------------------------------------------------------------------------- */

void hsl_check_expr(struct hsl_check *c, struct hsl_node *n);
/* [n] is assigned to: lvalue, slice or pattern. */
void hsl_check_target(struct hsl_check *c, struct hsl_node *n);
/* The expressions from [n] on. */
void hsl_check_exprs(struct hsl_check *c, struct hsl_node *n);

/* --- hsl_check_call.c ------------------------------------------------------------------------- */

void hsl_check_call(struct hsl_check *c, struct hsl_node *n);
/* C14 if the text [n] (N_STR or N_REGEX) is no pattern; other kinds are left alone. */
void hsl_check_pattern(struct hsl_check *c, const struct hsl_node *n);

/* --- hsl_check_cache.c ------------------------------------------------------------------------ */

void hsl_check_cache(struct hsl_check *c, struct hsl_node *n);

/* --- hsl_check_import.c ----------------------------------------------------------------------- */

/* Loads what the import [n] names and declares what it brings, before any statement is walked. */
void hsl_check_import(struct hsl_check *c, struct hsl_node *n);
/* The walk has come to the import [n]: its variables must not have been assigned above it. */
void hsl_check_import_place(struct hsl_check *c, const struct hsl_node *n);
/* Turns `ns::f` and `ns::$v` of a module into a bare name and a variable, and `Class::f` that is built
 * in into a name; other nodes stay. */
void hsl_check_namespace(struct hsl_check *c, struct hsl_node *n);

/* --- hsl_check_stmt.c ------------------------------------------------------------------------- */

/* The statements from [n] on. True if what stands behind them can be reached. */
bool hsl_check_statements(struct hsl_check *c, struct hsl_node *n);

/* --- hsl_check.c ------------------------------------------------------------------------------ */

/* Parameters, captures and body of [f], written in the current scope. */
void hsl_check_function(struct hsl_check *c, struct hsl_function *f);

#endif
