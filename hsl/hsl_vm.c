/* hsl_vm.c - the loop that carries out instructions.
 *
 * One function, one label per instruction, each of which jumps to the next by itself (computed
 * goto) where the compiler can. The common case of an instruction, numbers nearly always, is here;
 * all else is a function of hsl_vm_call.c, hsl_vm_path.c, hsl_vm_data.c, hsl_op.c. Stack, frames
 * and who owns which register: hsl_vm.h.
 *
 * Threads: one per machine. Fails: false with the run's state set; f->pc says where. */
#include "config.h"

#include "hsl/hsl_barrier.h"
#include "hsl/hsl_cache.h"
#include "hsl/hsl_gen.h"
#include "hsl/hsl_vm_inl.h"
#include "hsl/hsl_vm_macro.h"

bool
hsl_vm_loop(struct hsl_machine *m, struct hsl_value *out)
{
    struct hsl_run *r = &m->run;
    struct hsl_frame *f = m->frame;
    struct hsl_value *regs = f->regs, *k = m->prog->k, result;
    struct hsl_value returned; /* its address is never taken, so that it stays in registers */
    const struct hsl_ins *i = f->pc;
#ifdef HAVE_COMPUTED_GOTO
    static const void *const labels[] = {
#define HSL_OPCODE(name, operands, meaning) &&L_##name,
#include "hsl/hsl_opcode.def"
    };
#endif

    INSTRUCTIONS
    {
        OP(MOVE)
        {
            set_shared(r, RA, RB);
            NEXT();
        }
        OP(TAKE)
        {
            set_from(r, RA, RB, true);
            NEXT();
        }
        OP(MOVEQ)
        {
            const struct hsl_value *b = RB;
            set(r, RA, b->type == HSL_UNDEF ? hsl_none() : hsl_ref(*b));
            NEXT();
        }
        OP(LOADK)
        {
            set(r, RA, *KB);
            NEXT();
        }
        OP(DROP)
        {
            if (hsl_is_counted(RA))
                hsl_drop(r, RA);
            NEXT();
        }
        OP(CHECK)
        {
            if (UNLIKELY(RA->type == HSL_UNDEF)) {
                (void)hsl_vm_undefined(m, KB->u.str->data);
                goto failed;
            }
            NEXT();
        }
        OP(GETVAR)
        {
            const struct hsl_value *b = hsl_deref(RB);
            if (UNLIKELY(b->type == HSL_UNDEF)) {
                (void)hsl_vm_undefined(m, KC->u.str->data);
                goto failed;
            }
            set_shared(r, RA, b);
            NEXT();
        }
        OP(GETVARQ)
        {
            const struct hsl_value *b = hsl_deref(RB);
            set(r, RA, b->type == HSL_UNDEF ? hsl_none() : hsl_ref(*b));
            NEXT();
        }
        OP(SETVAR)
        {
            set_from(r, hsl_deref(RA), RB, i->x & 1);
            NEXT();
        }
        OP(GETPRE)
        {
            f->pc = i;
            CHECKED(hsl_vm_load_predef(m, i->c));
            result = *hsl_deref(RB);
            if (UNLIKELY(result.type == HSL_UNDEF)) { /* after unset() */
                CHECKED(i->x || hsl_vm_undefined(m, m->prog->predefs[i->c].name));
                result = hsl_none();
            }
            set(r, RA, hsl_ref(result));
            NEXT();
        }
        OP(BIND)
        {
            CHECKED(hsl_vm_bind(m, RA, i->b, KC));
            NEXT();
        }
        OP(READONLY)
        {
            (void)hsl_raise(r, HSL_R02, "cannot assign to read-only variable $%s", KA->u.str->data);
            goto failed;
        }

        ARITHMETIC(ADD, HSL_OP_ADD, +)
        ARITHMETIC(SUB, HSL_OP_SUB, -)
        ARITHMETIC(MUL, HSL_OP_MUL, *)
        DIVISION(DIV, HSL_OP_DIV, b->u.num / c->u.num)
        DIVISION(MOD, HSL_OP_MOD, modulo(b->u.num, c->u.num))
        OP(MODW)
        {
            const struct hsl_value *b = RB;
            double n;
            if (LIKELY(b->type == HSL_NUM) && LIKELY(modulo_whole(b->u.num, i->c, &n))) {
                set_num(r, RA, n);
            } else {
                struct hsl_value c = hsl_num(i->c);
                CHECKED(hsl_vm_binary(m, regs, i, HSL_OP_MOD, &c));
            }
            NEXT();
        }
        BITWISE(BAND, HSL_OP_BAND, p & q)
        BITWISE(BOR, HSL_OP_BOR, p | q)
        BITWISE(BXOR, HSL_OP_BXOR, p ^ q)
        BITWISE(SHL, HSL_OP_SHL, (int32_t)((uint32_t)p << (q & 31)))
        BITWISE(SHR, HSL_OP_SHR, p >> (q & 31))
        OP(CONCAT)
        {
            CHECKED(hsl_vm_concat(m, regs, i, RC));
            NEXT();
        }
        OP(CONCATK)
        {
            CHECKED(hsl_vm_concat(m, regs, i, KC));
            NEXT();
        }
        OP(CONCATN)
        {
            f->pc = i;
            CHECKED(hsl_vm_join(m, regs, i));
            i += 1 + (i->b + 2) / 3;
            DISPATCH();
        }
        COMPARISON(EQ, HSL_OP_EQ, ==)
        COMPARISON(NE, HSL_OP_NE, !=)
        COMPARISON(LT, HSL_OP_LT, <)
        COMPARISON(GT, HSL_OP_GT, >)
        COMPARISON(LE, HSL_OP_LE, <=)
        COMPARISON(GE, HSL_OP_GE, >=)
        OP(BINARY)
        {
            CHECKED(hsl_vm_binary(m, regs, i, (enum hsl_op)(i->x >> 2), RC));
            NEXT();
        }
        OP(BINARYK)
        {
            CHECKED(hsl_vm_binary(m, regs, i, (enum hsl_op)(i->x >> 2), KC));
            NEXT();
        }
        OP(NEG)
        {
            if (LIKELY(RB->type == HSL_NUM))
                set_num(r, RA, -RB->u.num);
            else
                CHECKED(hsl_vm_unary(m, regs, i, HSL_OP_NEG));
            NEXT();
        }
        OP(NOT)
        {
            bool is = truth(RB);
            drop_sources(r, i, RB, NULL);
            set_bool(r, RA, !is);
            NEXT();
        }
        OP(UNARY)
        {
            CHECKED(hsl_vm_unary(m, regs, i, (enum hsl_op)(i->x >> 2)));
            NEXT();
        }
        OP(INC)
        {
            if (LIKELY(RA->type == HSL_NUM))
                RA->u.num += 1;
            else
                CHECKED(hsl_vm_step(m, RA, 1));
            NEXT();
        }
        OP(DEC)
        {
            if (LIKELY(RA->type == HSL_NUM))
                RA->u.num -= 1;
            else
                CHECKED(hsl_vm_step(m, RA, -1));
            NEXT();
        }
        OP(POSTINC)
        {
            CHECKED(hsl_vm_step(m, RB, 1));
            set_num(r, RA, RB->u.num - 1);
            NEXT();
        }
        OP(POSTDEC)
        {
            CHECKED(hsl_vm_step(m, RB, -1));
            set_num(r, RA, RB->u.num + 1);
            NEXT();
        }

        OP(JMP)
        {
            int32_t by = (int32_t)((uint32_t)i->b | (uint32_t)i->c << 16);
            if (by < 0 && UNLIKELY(--m->ticks < 0)) {
                f->pc = i;
                m->looping = true;
                CHECKED(hsl_vm_tick(m));
                m->looping = false;
            }
            i += 1 + by;
            DISPATCH();
        }
        OP(JT)
        {
            if (take_truth(r, RA, i->x & 1))
                JUMP();
            NEXT();
        }
        OP(JF)
        {
            if (!take_truth(r, RA, i->x & 1))
                JUMP();
            NEXT();
        }
        OP(JNN)
        {
            if (RA->type != HSL_NONE && RA->type != HSL_UNDEF)
                JUMP();
            NEXT();
        }
        OP(JDEF)
        {
            if (RA->type != HSL_UNDEF)
                JUMP();
            NEXT();
        }
        COMPARE_JUMPS(JLT, JNLT, HSL_OP_LT, <)
        COMPARE_JUMPS(JGT, JNGT, HSL_OP_GT, >)
        COMPARE_JUMPS(JLE, JNLE, HSL_OP_LE, <=)
        COMPARE_JUMPS(JGE, JNGE, HSL_OP_GE, >=)
        EQUAL_JUMPS(JEQ, JNE, HSL_OP_EQ)
        COMPARE_JUMP(JEQN, HSL_OP_EQ, ==, 1, a->type == HSL_NUM, KB)
        COMPARE_JUMP(JNEN, HSL_OP_EQ, ==, 0, a->type == HSL_NUM, KB)
        EQUAL_JUMPS(JSAME, JNSAME, HSL_OP_SAME)
        COUNTING(FORLT, both_num(a, b), 1, <, RB, 2)
        COUNTING(FORLTK, a->type == HSL_NUM, 1, <, KB, 2)
        COUNTING(FORLE, both_num(a, b), 1, <=, RB, 2)
        COUNTING(FORLEK, a->type == HSL_NUM, 1, <=, KB, 2)
        COUNTING(FORADDLT, both_num(a, b) && RSTEP->type == HSL_NUM, RSTEP->u.num, <, RB, 3)
        COUNTING(FORADDLE, both_num(a, b) && RSTEP->type == HSL_NUM, RSTEP->u.num, <=, RB, 3)
        OP(FORADD)
        {
            const struct hsl_ins *e = i + 1;
            const struct hsl_value *step = operand(regs, k, e->a), *limit = operand(regs, k, e->b);
            struct hsl_value *a = RA;
            if (both_num(a, step) && LIKELY(limit->type == HSL_NUM)) {
                a->u.num += step->u.num;
                if (e->c ? a->u.num <= limit->u.num : a->u.num < limit->u.num)
                    JUMP_BACK();
                i += 3;
            }
            NEXT();
        }

        OP(NEWARR)
        {
            struct hsl_arr *a = hsl_arr_new(r, i->c);
            CHECKED(a);
            for (unsigned n = 0; n < i->c; n++)
                (void)hsl_arr_packed_push(a, take(RB + n, true));
            set(r, RA, hsl_from_arr(a));
            NEXT();
        }
        OP(NEWMAP)
        {
            struct hsl_arr *a = hsl_arr_copy(r, KB->u.arr);
            CHECKED(a);
            for (unsigned n = 0; n < a->count; n++) {
                hsl_copy(&a->d.entries[n].val, RC + n);
                RC[n].type = HSL_NONE;
            }
            set(r, RA, hsl_from_arr(a));
            NEXT();
        }
        OP(NEWOBJ)
        {
            CHECKED(hsl_vm_object(m, RB, &result));
            drop_sources(r, i, RB, NULL);
            set(r, RA, result);
            NEXT();
        }
        OP(NEW)
        {
            struct hsl_obj *o = hsl_obj_make(r, m->prog->classes[i->b]);
            CHECKED(o);
            set(r, RA, (struct hsl_value){.u.obj = o, .type = HSL_OBJ});
            NEXT();
        }
        OP(ARRPUSH)
        {
            struct hsl_value v = take(RB, i->x & 1);
            if (UNLIKELY(!hsl_arr_packed_push(RA->u.arr, v)))
                CHECKED(hsl_arr_push(r, RA->u.arr, v));
            NEXT();
        }
        OP(ARRSET)
        {
            struct hsl_value v = take(RC, i->x & 2);
            CHECKED(hsl_arr_set(r, RA->u.arr, RB, v));
            drop_sources(r, i, RB, RC);
            NEXT();
        }
        OP(ARRSETK)
        {
            struct hsl_value v = take(RC, i->x & 1);
            CHECKED(hsl_arr_set(r, RA->u.arr, KB, v));
            NEXT();
        }
        OP(SPREAD)
        {
            CHECKED(hsl_vm_spread(m, RA, RB, true));
            drop_sources(r, i, RB, NULL);
            NEXT();
        }
        OP(SPREADV)
        {
            CHECKED(hsl_vm_spread(m, RA, RB, false));
            drop_sources(r, i, RB, NULL);
            NEXT();
        }
        OP(GETIDX)
        {
            struct hsl_value *b = RB, *c = RC;
            const struct hsl_arr *a = b->u.arr;
            uint64_t at;
            if (LIKELY(b->type == HSL_ARR && c->type == HSL_NUM && a->mask == 0 &&
                       (at = list_index(c->u.num)) < a->count)) {
                get_element(r, regs, i, &a->d.vals[at]);
            } else if (b->type == HSL_ARR && is_plain_text(c) && a->mask != 0) {
                get_element(r, regs, i, find_text(a, c->u.str));
                if (UNLIKELY(i->x & 2))
                    hsl_drop(r, c);
            } else {
                CHECKED(hsl_vm_get_index(m, regs, i, c));
            }
            NEXT();
        }
        OP(GETIDXK)
        {
            struct hsl_value *b = RB, *c = KC;
            const struct hsl_arr *a = b->u.arr;
            uint64_t at;
            if (LIKELY(b->type == HSL_ARR && c->type == HSL_NUM && a->mask == 0 &&
                       (at = list_index(c->u.num)) < a->count)) {
                get_element(r, regs, i, &a->d.vals[at]);
            } else if (b->type == HSL_ARR && c->type == HSL_STR && a->mask != 0) {
                get_element(r, regs, i, find_text(a, c->u.str));
            } else {
                CHECKED(hsl_vm_get_index(m, regs, i, c));
            }
            NEXT();
        }
        OP(SETIDX)
        {
            struct hsl_value *place = own_element(RA, RB);
            if (LIKELY(place)) {
                set_from(r, place, RC, i->x & 2);
            } else if ((place = own_place(RA, RB)) != NULL) {
                set_from(r, place, RC, i->x & 2);
                if (UNLIKELY(i->x & 1))
                    hsl_drop(r, RB);
            } else {
                CHECKED(hsl_vm_set_index(m, regs, i, RB, RC, RB, RC));
            }
            NEXT();
        }
        OP(SETIDXK)
        {
            struct hsl_value *place = own_place(RA, KB);
            if (LIKELY(place))
                set_from(r, place, RC, i->x & 1);
            else
                CHECKED(hsl_vm_set_index(m, regs, i, KB, RC, RC, NULL));
            NEXT();
        }
        OP(SETIDXC)
        {
            struct hsl_value *place = own_element(RA, RB);
            if (LIKELY(place)) {
                set(r, place, *KC);
            } else if ((place = own_place(RA, RB)) != NULL) {
                set(r, place, *KC);
                drop_sources(r, i, RB, NULL);
            } else {
                CHECKED(hsl_vm_set_index(m, regs, i, RB, KC, RB, NULL));
            }
            NEXT();
        }
        OP(PUSH)
        {
            struct hsl_value *a = RA;
            if (LIKELY(a->type == HSL_ARR && a->u.arr->rc.refs == 1 && a->u.arr->mask == 0 &&
                       a->u.arr->used < a->u.arr->cap)) {
                struct hsl_arr *list = a->u.arr;
                struct hsl_value *place = &list->d.vals[list->used++];
                list->count++;
                place->type = HSL_NONE;
                set_from(r, place, RB, i->x & 1);
            } else {
                struct hsl_value push = {.type = HSL_UNDEF};
                CHECKED(hsl_vm_set_index(m, regs, i, &push, RB, RB, NULL));
            }
            NEXT();
        }
        OP(GETPROP)
        {
            const struct hsl_value *v = declared(f, RB, KC->u.str, false);
            if (LIKELY(v && v->type != HSL_UNDEF))
                get_element(r, regs, i, v);
            else
                CHECKED(hsl_vm_get_index(m, regs, i, KC));
            NEXT();
        }
        OP(SETPROP)
        {
            struct hsl_value *place = declared(f, RA, KB->u.str, true);
            if (LIKELY(place))
                set_from(r, place, RC, i->x & 1);
            else
                CHECKED(hsl_vm_set_index(m, regs, i, KB, RC, RC, NULL));
            NEXT();
        }
        OP(GETSLOT)
        {
            const struct hsl_value *v = &RB->u.obj->slots[i->c];
            set_shared(r, RA, v);
            if (UNLIKELY(v->type == HSL_UNDEF))
                RA->type = HSL_NONE;
            NEXT();
        }
        OP(SETSLOT)
        {
            set_from(r, &RA->u.obj->slots[i->b], RC, i->x & 1);
            NEXT();
        }
        OP(SLOTOP)
        {
            struct hsl_value *v = &RA->u.obj->slots[i[1].b];
            if (!add_in_place(r, regs, i, v))
                CHECKED(hsl_vm_slot_op(m, regs, i));
            i += 2;
            DISPATCH();
        }
        OP(PROPOP)
        {
            struct hsl_value *v = declared(f, RA, k[i[1].b].u.str, true);
            if (UNLIKELY(!v) || !add_in_place(r, regs, i, v))
                CHECKED(hsl_vm_prop_op(m, regs, i));
            i += 2;
            DISPATCH();
        }
        OP(SLOTINC)
        {
            CHECKED(hsl_vm_slot_inc(m, regs, i));
            i += 2;
            DISPATCH();
        }
        OP(REFUSE)
        {
            (void)hsl_raise(r, HSL_R13, "%s is %s", KA->u.str->data, i->b ? "readonly" : "private");
            goto failed;
        }
        OP(PATHSET)
        {
            struct hsl_value *keys = RB;
            unsigned n = i->x >> 2;
            struct hsl_value *place;
            f->pc = i;
            place = hsl_vm_path(m, hsl_deref(RA), keys, n - 1, true);
            CHECKED(place && hsl_vm_store(m, place, &keys[n - 1], &keys[n]));
            for (unsigned j = 0; j <= n; j++)
                hsl_drop(r, &keys[j]);
            NEXT();
        }
        OP(PATHOP)
        {
            struct hsl_value *v = hsl_deref(RA), *val = RB;
            f->pc = i;
            if (i->x == 0 && both_num(v, val) && i[1].a <= HSL_OP_SUB) { /* a variable in a cell */
                v->u.num += i[1].a == HSL_OP_ADD ? val->u.num : -val->u.num;
                if (i->c != HSL_NO_REG)
                    set_num(r, RC, v->u.num);
            } else {
                CHECKED(hsl_vm_path_op(m, regs, i));
            }
            i++;
            NEXT();
        }
        OP(PATHINC)
        {
            f->pc = i;
            CHECKED(hsl_vm_path_inc(m, regs, i));
            i++;
            NEXT();
        }
        OP(PATHUNSET)
        {
            f->pc = i;
            CHECKED(hsl_vm_path_unset(m, regs, i));
            NEXT();
        }
        OP(PATHSLICE)
        {
            f->pc = i;
            CHECKED(hsl_vm_path_slice(m, regs, i));
            NEXT();
        }
        OP(PATHUNSLICE)
        {
            f->pc = i;
            CHECKED(hsl_vm_path_unslice(m, regs, i));
            NEXT();
        }
        OP(ISSETVAR)
        {
            set_bool(r, RA, hsl_deref(RB)->type != HSL_UNDEF);
            NEXT();
        }
        OP(ISSET)
        {
            const struct hsl_value *b = RB, *c = RC;
            bool is;
            if (b->type == HSL_ARR && is_plain_text(c)) {
                is = b->u.arr->mask != 0 && find_text(b->u.arr, c->u.str) != NULL;
            } else {
                f->pc = i;
                CHECKED(hsl_vm_isset(m, b, c, &is));
            }
            drop_sources(r, i, RB, RC);
            set_bool(r, RA, is);
            NEXT();
        }
        OP(UNSETVAR)
        {
            struct hsl_value *b = hsl_deref(RB);
            bool was = b->type != HSL_UNDEF;
            hsl_put(r, b, (struct hsl_value){.type = HSL_UNDEF});
            set_bool(r, RA, was);
            NEXT();
        }
        OP(SLICE)
        {
            struct hsl_value *b = RB;
            f->pc = i;
            CHECKED(hsl_slice(r, b, b + 1, b + 2, b + 3, &result));
            for (unsigned j = 0; j < 4; j++)
                hsl_drop(r, b + j);
            set(r, RA, result);
            NEXT();
        }
        OP(DESTRUCT)
        {
            f->pc = i;
            CHECKED(hsl_vm_destruct(m, RB, RC, i->x >> 2, &result));
            if (i->x & 1)
                hsl_drop(r, RC);
            set(r, RA, result);
            NEXT();
        }
        OP(DESTRUCTK)
        {
            const struct hsl_value *b = RB, *c = KC;
            const struct hsl_arr *a = b->u.arr;
            uint64_t at;
            if (LIKELY(b->type == HSL_ARR && c->type == HSL_NUM && a->mask == 0 &&
                       (at = list_index(c->u.num)) < a->count)) {
                set_shared(r, RA, &a->d.vals[at]);
            } else {
                f->pc = i;
                CHECKED(hsl_vm_destruct(m, b, c, i->x >> 2, &result));
                set(r, RA, result);
            }
            NEXT();
        }
        OP(REST)
        {
            f->pc = i;
            CHECKED(hsl_vm_rest(m, RB, RC, i->x >> 2, &result));
            for (unsigned j = 0; j < i->x >> 2; j++)
                hsl_drop(r, RC + j);
            set(r, RA, result);
            NEXT();
        }
        OP(COUNT)
        {
            struct hsl_value *b = RB;
            if (LIKELY(b->type == HSL_ARR)) {
                double n = b->u.arr->count;
                drop_sources(r, i, b, NULL);
                set_num(r, RA, n);
            } else {
                struct hsl_value arg = hsl_ref(*b);
                bool ok;
                f->pc = i;
                ok = hsl_lib_call(r, m->prog->callees[i->c].row, &arg, 1, &result);
                hsl_drop(r, &arg);
                CHECKED(ok);
                drop_sources(r, i, b, NULL);
                set(r, RA, result);
            }
            NEXT();
        }
        OP(LENGTH)
        {
            struct hsl_value *b = RB;
            result = b->type == HSL_ARR   ? hsl_num(b->u.arr->count)
                     : b->type == HSL_STR ? hsl_num(b->u.str->len)
                                          : hsl_none();
            drop_sources(r, i, b, NULL);
            set(r, RA, result);
            NEXT();
        }

        OP(CALL)
        {
            const struct hsl_proto *p = m->prog->protos[i->b];
            struct hsl_value *base = RA;
            f->pc = i;
            if (UNLIKELY(--m->ticks < 0))
                CHECKED(hsl_vm_tick(m));
            if (UNLIKELY(f + 1 == m->frame_end || (size_t)(m->stack_end - base) < p->regs)) {
                CHECKED(hsl_vm_enter(m, p, base, p->params));
                goto entered;
            }
            f = push_frame(m, f, p, base, base + p->params);
            regs = base;
            i = p->code;
            DISPATCH();
        }
        OP(CALLB)
        {
            f->pc = i;
            if (UNLIKELY(--m->ticks < 0))
                CHECKED(hsl_vm_tick(m));
            result = hsl_none();
            CHECKED(hsl_vm_builtin(m, &m->prog->callees[i->b], RA, i->x, &result));
            set(r, RC, result);
            NEXT();
        }
        OP(CALLV)
        {
            struct hsl_value *base = RA;
            const struct hsl_proto *p = plain_function(m, f, base, base + 1, i->b);
            int pushed;
            f->pc = i;
            if (UNLIKELY(--m->ticks < 0))
                CHECKED(hsl_vm_tick(m));
            if (LIKELY(p)) {
                regs = base + 1;
                f = push_function(m, f, base->u.fn, regs);
                hsl_drop(r, base);
                i = p->code;
                DISPATCH();
            }
            pushed = hsl_vm_call_value(m, base, i->b, &result);
            CHECKED(pushed >= 0);
            if (pushed)
                goto entered;
            set(r, RC, result);
            NEXT();
        }
        OP(CALLM)
        {
            const struct hsl_proto *p = plain_method(m, f, RA, KB->u.str, i->x);
            int pushed;
            f->pc = i;
            if (UNLIKELY(--m->ticks < 0))
                CHECKED(hsl_vm_tick(m));
            if (LIKELY(p)) {
                regs = RA;
                f = push_frame(m, f, p, regs, regs + p->params);
                i = p->code;
                DISPATCH();
            }
            pushed = hsl_vm_call_method(m, RA, KB->u.str, i->x, &result);
            CHECKED(pushed >= 0);
            if (pushed)
                goto entered;
            set(r, RC, result);
            NEXT();
        }
        OP(CALLVS)
        {
            int pushed;
            f->pc = i;
            if (UNLIKELY(--m->ticks < 0))
                CHECKED(hsl_vm_tick(m));
            pushed = hsl_vm_call_spread(m, RA, &result);
            CHECKED(pushed >= 0);
            if (pushed)
                goto entered;
            set(r, RC, result);
            NEXT();
        }
        OP(CALLMS)
        {
            int pushed;
            f->pc = i;
            if (UNLIKELY(--m->ticks < 0))
                CHECKED(hsl_vm_tick(m));
            pushed = hsl_vm_method_spread(m, RA, KB->u.str, &result);
            CHECKED(pushed >= 0);
            if (pushed)
                goto entered;
            set(r, RC, result);
            NEXT();
        }
        OP(CACHE)
        {
            f->pc = i;
            if (UNLIKELY(--m->ticks < 0))
                CHECKED(hsl_vm_tick(m));
            CHECKED(hsl_cache_call(m, RA, i->b, i->x, k[i[1].a].u.str, &result));
            set(r, RC, result);
            i++;
            NEXT();
        }
        OP(RET)
        {
            returned = take(RA, true);
            goto leave;
        }
        OP(RETK)
        {
            hsl_copy(&returned, KA);
            goto leave;
        }
        OP(CLOSURE)
        {
            CHECKED(hsl_vm_closure(m, m->prog->protos[i->b], f, &result));
            set(r, RA, result);
            NEXT();
        }

        OP(ITER)
        {
            CHECKED(hsl_vm_start_iterator(m, regs, i));
            NEXT();
        }
        OP(NEXT)
        {
            const struct hsl_value *v;
            if (UNLIKELY(RA->type == HSL_OBJ))
                goto resume;
            v = next_value(RA);
            if (UNLIKELY(!v))
                goto exhausted;
            set_shared(r, RB, v);
            JUMP_BACK();
        }
        OP(NEXTKEY)
        {
            struct hsl_value key;
            const struct hsl_value *v;
            if (UNLIKELY(RA->type == HSL_OBJ))
                goto resume;
            v = next_value(RA);
            if (UNLIKELY(!v))
                goto exhausted;
            key = last_key(RA);
            set_shared(r, regs + i[1].a, &key);
            set_shared(r, RB, v);
            JUMP_BACK();
        }
        OP(GENERATE)
        {
            f->pc = i;
            CHECKED(hsl_gen_new(m, i, &result));
            returned = result;
            goto leave;
        }
        OP(YIELD)
        {
            hsl_gen_yield(m, i);
            f = m->frame;
            regs = f->regs;
            i = f->pc;
            JUMP();
        }
        OP(SWITCH)
        {
            if (RA->type == HSL_STR) {
                long at = hsl_vm_switch_target(&f->proto->switches[i->b], RA->u.str);
                if (at < 0)
                    JUMP();
                i = f->proto->code + at;
                DISPATCH();
            }
            NEXT();
        }
        OP(BARRIER)
        {
            f->pc = i;
            CHECKED(hsl_barrier_enter(m, RA, i->b == HSL_NO_REG ? NULL : RB, i->c));
            NEXT();
        }
        OP(LEAVE)
        {
            f->pc = i;
            CHECKED(hsl_barrier_leave(m, RA, i->b == HSL_NO_REG ? NULL : hsl_deref(RB)));
            NEXT();
        }
        OP(ECHO)
        {
            f->pc = i;
            CHECKED(hsl_echo(r, RA));
            drop_sources(r, i, RA, NULL);
            NEXT();
        }
        OP(THROW)
        {
            f->pc = i;
            (void)hsl_vm_throw(m, take(RA, i->x & 1));
            goto failed;
        }
        OP(NOARM)
        {
            f->pc = i;
            (void)hsl_vm_no_arm(m, RA);
            goto failed;
        }
        OP(EXT)
        {
            NEXT();
        }
    }

/* Ends the function; its value is in [returned]. */
leave:
    for (struct hsl_value *v = regs, *end = regs + f->proto->locals; v < end; v++) {
        if (hsl_is_counted(v))
            hsl_drop(r, v);
    }
    m->frame = f - 1;
    if (UNLIKELY(f->segments | f->kind)) {
        if (f->kind == HSL_FRAME_GENERATOR)
            hsl_gen_end(m, regs - 1);
        if (f->segments)
            hsl_vm_leave_segments(m, f->segments);
        if (f->kind == HSL_FRAME_ENTRY) {
            hsl_copy(out, &returned);
            return true;
        }
    }
    regs = f[-1].regs;
    i = f[-1].pc;
    if (UNLIKELY(f->kind == HSL_FRAME_GENERATOR)) {
        hsl_unref(r, returned);
        f--;
        goto exhausted;
    }
    f--;
    set(r, RC, returned);
    NEXT();

/* The iterator of the NEXT or NEXTKEY at [i] is a generator. */
resume:
    f->pc = i;
    if (UNLIKELY(--m->ticks <= 0))
        CHECKED(hsl_vm_tick(m));
    switch (hsl_gen_resume(m, RA)) {
    case 0:
        goto exhausted;
    case 1:
        f = m->frame;
        regs = f->regs;
        i = f->pc;
        DISPATCH();
    default:
        goto failed;
    }

/* There is nothing left for the NEXT or NEXTKEY at [i]. */
exhausted:
    hsl_drop(r, RA);
    i += i->op == HSL_I_NEXTKEY;
    NEXT();

/* A jump back by operand c when it is time to look at budget and clock. */
ticked:
    f->pc = i;
    m->looping = true;
    CHECKED(hsl_vm_tick(m));
    m->looping = false;
    i += 1 + (int16_t)i->c;
    DISPATCH();

/* A frame was pushed for a call at f->pc. */
entered:
    f = m->frame;
    regs = f->regs;
    i = f->proto->code;
    DISPATCH();

failed:
    f->pc = i;
    if (!hsl_vm_unwind(m))
        return false;
    f = m->frame;
    regs = f->regs;
    i = f->pc;
    DISPATCH();
}
