#!/usr/bin/env python3
"""Prints reference.h: what SciPy, NumPy and pymannkendall make of the series of test_statistics,
test_intervals and test_scalability. Only for making that file anew (pip install scipy pymannkendall):
the tests include the file and need none of this."""
import math

import numpy
import pymannkendall
import scipy.optimize
import scipy.stats

# The same generator as in the tests, so that nobody has to read the series: 48-bit LCG (drand48).
def noise(seed, count):
    state, values = seed, []
    for _ in range(count):
        total = 0.0
        for _ in range(12):
            state = (state * 0x5DEECE66D + 0xB) % 2**48
            total += state / 2**48
        values.append(total - 6)
    return numpy.array(values)


def numbers(name, values):
    text = ", ".join("%.17g" % value for value in values)
    print("static const double %s[] = {%s};" % (name, text))


def whitened(x):
    t = numpy.arange(len(x))
    slope = scipy.stats.theilslopes(x, t).slope
    rest = x - slope * t
    centered = rest - rest.mean()
    r = float((centered[1:] * centered[:-1]).sum() / (centered**2).sum())
    if r <= 0:
        return slope, r, x
    return slope, r, (rest[1:] - r * rest[:-1]) / (1 - r) + slope * t[1:]


def usl(n, rate, sigma, kappa):
    return rate * n / (1 + sigma * (n - 1) + kappa * n * (n - 1))


def trends():
    rows = []
    for seed, drift, ar, digits in [(1, 0, 0, 9), (2, 0.05, 0, 9), (3, 0, 0.7, 9), (4, 0.2, 0.5, 9),
                                    (5, 0.02, 0, 0), (6, -0.1, 0.3, 1)]:
        e = noise(seed, 60)
        x = numpy.zeros(60)
        for i in range(60):
            x[i] = e[i] + (ar * x[i - 1] if i else 0)
        x = x + 100 + drift * numpy.arange(60)
        x = numpy.floor(x * 10**digits + 0.5) / 10**digits
        mk = pymannkendall.original_test(x)
        slope, r, white = whitened(x)
        wmk = pymannkendall.original_test(white)
        rows.append([seed, drift, ar, digits, mk.s, mk.z, mk.p, slope, r, wmk.z, wmk.p])
        if mk.s == 0:
            raise SystemExit("choose another seed")
    print("/* seed, drift, autoregression, digits; S, z, p, Sen's slope; r, z and p whitened */")
    print("static const double trend_rows[][11] = {")
    for row in rows:
        print("    {" + ", ".join("%.15g" % v for v in row) + "},")
    print("};")


def fits():
    n = numpy.arange(5, 55, 5).astype(float)
    print("/* seed, lambda, sigma, kappa, noise; fit: lambda, sigma, kappa; their standard errors */")
    print("static const double fit_rows[][11] = {")
    for seed, lam, sigma, kappa, level in [(11, 100, 0.02, 0.0005, 0.01), (12, 50, 0.05, 0.001, 0.02),
                                           (13, 1000, 0.1, 0.0001, 0.005)]:
        x = usl(n, lam, sigma, kappa) * (1 + level * noise(seed, 10))
        p, cov = scipy.optimize.curve_fit(usl, n, x, p0=[x[0] / n[0], 0.01, 1e-4], ftol=1e-15,
                                          xtol=1e-15, gtol=1e-15, maxfev=100000)
        errors = numpy.sqrt(numpy.diag(cov))
        row = [seed, lam, sigma, kappa, level, *p, *errors]
        print("    {" + ", ".join("%.12g" % v for v in row) + "},")
    print("};")
    print("/* as above, with sigma and kappa bound to be >= 0 */")
    print("static const double bound_rows[][8] = {")
    for seed, lam, sigma, kappa, level in [(21, 100, 0, 0, 0.01), (22, 100, 0, 0.0005, 0.01),
                                           (23, 100, 0.02, 0, 0.01)]:
        x = usl(n, lam, sigma, kappa) * (1 + level * noise(seed, 10))
        best = None
        for start in ([100, 0.01, 1e-4], [100, 1e-6, 1e-6], [90, 0.05, 1e-6]):
            found = scipy.optimize.least_squares(
                lambda v: usl(n, v[0], v[1], v[2]) - x, start, bounds=([0, 0, 0], numpy.inf),
                x_scale=[100, 0.01, 1e-4], ftol=1e-15, xtol=1e-15, gtol=1e-15, max_nfev=100000)
            if best is None or found.cost < best.cost:
                best = found
        row = [seed, lam, sigma, kappa, level, best.x[0], best.x[1], best.x[2]]
        print("    {" + ", ".join("%.12g" % v for v in row) + "},")
    print("};")


def inflation(x):
    r = min(max(0.0, lag1(x)), 0.95)
    return (1 + r) / (1 - r)


def lag1(x):
    c = x - x.mean()
    return float((c[1:] * c[:-1]).sum() / (c**2).sum())


def worth(x):
    """The inflation of a mean, and the degrees of freedom that its batches are worth."""
    n, r = len(x), lag1(x)
    if n < 10 or r <= 0:
        return 1, n - 1
    r = min((n * r + 1) / (n - 3), 0.95)
    wider = (1 + r) / (1 - r)
    return wider, max(1, math.floor(n / wider - 1))


def table(name, comment, rows):
    print("/* %s */" % comment)
    print("static const double %s[][%d] = {" % (name, len(rows[0])))
    for row in rows:
        print("    {" + ", ".join("%.15g" % v for v in row) + "},")
    print("};")


def series(seed, ar, count):
    e, x = noise(seed, count), numpy.zeros(count)
    for i in range(count):
        x[i] = e[i] + (ar * x[i - 1] if i else 0)
    return x


def intervals():
    rows = []
    for seed, ar, count, drift in [(41, 0, 40, 0.05), (42, 0.6, 60, 0.1), (43, -0.4, 25, 0), (44, 0, 5, 1)]:
        x = numpy.arange(count) ** 1.2  # steps of different lengths
        y = 100 + drift * x + series(seed, ar, count)
        slope = scipy.stats.theilslopes(y, x).slope
        wider = inflation(y - slope * x)
        alpha = 2 * scipy.stats.norm.sf(scipy.stats.norm.isf(0.025) * wider**0.5)
        found = scipy.stats.theilslopes(y, x, alpha)
        rows.append([seed, ar, count, drift, wider, slope, found.low_slope, found.high_slope])
    table("slope_rows", "seed, autoregression, count, drift; inflation, slope, low, high", rows)
    rows = []
    for seed, ar, count in [(51, 0, 5), (52, 0, 30), (53, 0.6, 60)]:
        x = 100 + series(seed, ar, count)
        wider, freedom = worth(x)
        low, high = scipy.stats.t.interval(0.95, freedom, x.mean(), scipy.stats.sem(x) * wider**0.5)
        rows.append([seed, ar, count, x.mean(), low, high])
    table("mean_rows", "seed, autoregression, count; mean, low, high", rows)
    rows = []
    for seed, count in [(61, 5), (62, 40)]:
        wholes = numpy.floor(50 + 5 * noise(seed, count) + 0.5)
        parts = numpy.floor(wholes * (0.3 + 0.02 * noise(seed + 100, count)) + 0.5)
        ratio = parts.sum() / wholes.sum()
        away = parts - ratio * wholes
        wider, freedom = worth(away)
        error = (wider * (away**2).sum() / (count - 1) * count) ** 0.5 / wholes.sum()
        half = scipy.stats.t.ppf(0.975, freedom) * error
        rows.append([seed, count, ratio, ratio - half, ratio + half])
    table("ratio_rows", "seed, count; ratio, low, high", rows)
    rows = []
    for part, count in [(0, 20), (3, 20), (20, 20), (47, 1000), (123456, 2000000)]:
        found = scipy.stats.binomtest(part, count).proportion_ci(0.95, "exact")
        rows.append([part, count, found.low, found.high])
    table("share_rows", "part, count; low, high", rows)


print("/* Made by reference_statistics.py with SciPy and pymannkendall: not written by hand. */")
trends()
fits()
numbers("student_975", [scipy.stats.t.ppf(0.975, k) for k in (1, 2, 7, 30, 31, 60, 500)])
values = noise(31, 15)
numbers("robust", [numpy.median(values), 1.4826 * numpy.median(abs(values - numpy.median(values)))])
intervals()
