/* libquadmath, which comes with FAISS, teaches printf its __float128 when it is loaded, and from
 * then on every printf of the process looks its directives up in tables, at several times the cost:
 * Graphviz prints each number of a drawing. No one here prints a __float128: told that there is no
 * type left to be had, the library leaves printf as it was. Found before that of the C library,
 * since it is in the program. */
#include <printf.h>

int register_printf_type(printf_va_arg_function *take)
{
    (void)take;
    return -1;
}
