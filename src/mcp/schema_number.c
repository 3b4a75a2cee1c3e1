/* Exact comparisons between JSON numbers: jansson keeps int64 and double apart, and turning one
 * into the other loses digits beyond 2^53. */
#include "mcp/schema_internal.h"

#include <float.h>
#include <math.h>

#define TWO_TO_63 9223372036854775808.0

static int compare_integer_with_real(json_int_t integer, double real);

int schema_number_compare(const json_t *left, const json_t *right)
{
    if (json_is_integer(left) && json_is_integer(right)) {
        json_int_t a = json_integer_value(left), b = json_integer_value(right);
        return a < b ? -1 : a > b;
    }
    if (json_is_integer(left))
        return compare_integer_with_real(json_integer_value(left), json_real_value(right));
    if (json_is_integer(right))
        return -compare_integer_with_real(json_integer_value(right), json_real_value(left));
    double a = json_real_value(left), b = json_real_value(right);
    return a < b ? -1 : a > b;
}

bool schema_number_is_integral(const json_t *number)
{
    return json_is_integer(number) || json_real_value(number) == trunc(json_real_value(number));
}

/* 0.0075 is a multiple of 0.0001 though neither is a binary fraction: the quotient may be off an
 * integer by the rounding of both operands and of the division. */
bool schema_number_is_multiple(const json_t *number, const json_t *divisor)
{
    if (json_is_integer(number) && json_is_integer(divisor))
        return json_integer_value(divisor) == -1 ||
               json_integer_value(number) % json_integer_value(divisor) == 0;
    double value = json_number_value(number), step = json_number_value(divisor);
    double quotient = value / step;
    if (!isfinite(quotient))
        return fmod(value, step) == 0.0;
    return fabs(quotient - nearbyint(quotient)) <= fabs(quotient) * 2.0 * DBL_EPSILON;
}

int64_t schema_number_ceil(const json_t *number)
{
    if (json_is_integer(number))
        return json_integer_value(number);
    double up = ceil(json_real_value(number));
    return up >= TWO_TO_63 ? INT64_MAX : up < -TWO_TO_63 ? INT64_MIN : (int64_t)up;
}

int64_t schema_number_floor(const json_t *number)
{
    if (json_is_integer(number))
        return json_integer_value(number);
    double down = floor(json_real_value(number));
    return down >= TWO_TO_63 ? INT64_MAX : down < -TWO_TO_63 ? INT64_MIN : (int64_t)down;
}

static int compare_integer_with_real(json_int_t integer, double real)
{
    if (real >= TWO_TO_63)
        return -1;
    if (real < -TWO_TO_63)
        return 1;
    double whole = trunc(real);
    json_int_t truncated = (json_int_t)whole;
    if (integer != truncated)
        return integer < truncated ? -1 : 1;
    return real > whole ? -1 : real < whole;
}
