#!/usr/bin/env python3
"""Makes binomial_ranks.h: the ranks between which a quantile lies, by exact integer arithmetic.

Independent of src/metrics/quantile.c, which sums doubles outward from the mode: here p = a/b is a
fraction, P(B <= k) is sum(C(n, i) a^i (b-a)^(n-i)) / b^n, and the comparison with the tail is between
integers. For n above EXACT, where the integers get too long, terms come from math.lgamma instead.

    python3 binomial_ranks.py > binomial_ranks.h
"""
from fractions import Fraction
from math import exp, lgamma, log, sqrt, floor

EXACT = 20_000


def ranks_exact(n, p, tail):
    """low = the first k with P(B <= k) > tail; high = 1 + the last k with P(B >= k) > tail."""
    whole = p.denominator**n
    a, b = p.numerator, p.denominator
    term = (b - a) ** n
    limit = tail * whole
    sums, total, low = [], 0, None
    for k in range(n + 1):
        total += term
        if low is None and total > limit:
            low = k
        sums.append(total)
        term = term * (n - k) * a // ((k + 1) * (b - a))
    assert total == whole
    high = 0
    for k in range(n, -1, -1):
        at_least = whole - (sums[k - 1] if k else 0)
        if at_least > limit:
            high = k + 1
            break
    return low, high


def ranks_lgamma(n, p, tail):
    p, tail = float(p), float(tail)
    deviation = sqrt(n * p * (1 - p))
    first = max(0, floor(n * p - 12 * deviation))
    last = min(n, floor(n * p + 12 * deviation) + 1)

    def term(k):
        return exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(p) + (n - k) * log(1 - p))

    terms = [term(k) for k in range(first, last + 1)]
    total, low = 0.0, None
    for offset, t in enumerate(terms):
        total += t
        if total > tail:
            low = first + offset
            break
    total, high = 0.0, None
    for offset in range(len(terms) - 1, -1, -1):
        total += terms[offset]
        if total > tail:
            high = first + offset + 1
            break
    return low, high


def main():
    print("/* Made by binomial_ranks.py: exact integer arithmetic, lgamma above n = %d. Not edited. */" % EXACT)
    print("static const struct {")
    print("    uint64_t count;")
    print("    double fraction, confidence;")
    print("    bool known;")
    print("    uint64_t low, high;")
    print("} binomial_ranks[] = {")
    cases = []
    for confidence in (Fraction(95, 100), Fraction(99, 100)):
        for n in (1, 2, 5, 6, 10, 20, 50, 100, 199, 200, 368, 369, 1000, 3688, 3689, 10000, 100000, 1000000):
            for p in (Fraction(1, 2), Fraction(9, 10), Fraction(95, 100), Fraction(99, 100), Fraction(999, 1000)):
                if n > 1000 and confidence != Fraction(95, 100):
                    continue
                cases.append((n, p, confidence))
    for n, p, confidence in cases:
        tail = (1 - confidence) / 2
        low, high = ranks_exact(n, p, tail) if n <= EXACT else ranks_lgamma(n, p, tail)
        known = low >= 1 and high <= n
        print("    {%d, %s, %s, %s, %d, %d}," % (n, float(p), float(confidence), "true" if known else "false",
                                                 low, high))
    print("};")


main()
