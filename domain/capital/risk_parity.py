"""Equal risk contribution: every strategy adds the same part to the variance of the whole.

Theory. The weights w > 0 with w_i (Σw)_i equal for all i exist and are unique for every positive
definite Σ. They are, up to their sum, the minimum of the convex function ½ y'Cy - sum of log y_i,
where C is the correlation matrix and y_i = w_i √Σ_ii. That function is self-concordant, so Newton's
method with the step 1 / (1 + λ), λ the Newton decrement, lowers it by at least λ - log(1 + λ) from
any start, and from λ <= 1/4 on the full step converges quadratically. No line search is needed.

The arithmetic is decimal with 50 digits, not float: where one strategy almost cancels another
(correlation -1 + ε), rounding a weight to a double moves the contributions by 1e-16 / ε, which
breaks the promised 1e-9 long before the matrix is singular. Decimals also give the same digits on
every machine. They cost about four times as much as float sums (0.1 to 0.7 s for fifty
strategies), and weights are computed once per rebalance.

Rows are taken in the order given; callers who want the same digits for every order sort first
(``allocation_method`` does).

Size: strategies³ / 3 products per step; steps are bounded by ``STEPS_MAX``.

Source: S. Maillard, T. Roncalli, J. Teïletche, The Properties of Equally Weighted Risk
Contribution Portfolios (2010); F. Spinu, An Algorithm for Computing Risk Parity Weights (2013).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    localcontext,
)
from operator import mul

from orchestrion.domain.capital.return_history import EstimateError
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.money import ONE, ZERO

CONTRIBUTION_TOLERANCE = Decimal("1e-9")
"""Largest relative difference of a risk contribution from the mean that is returned."""
PIVOT_MIN = Decimal("1e-12")
"""How much of a strategy's variance (1 in a correlation matrix) the ones before it must leave
unexplained. Below this, returns that were computed in floats cannot tell the matrix from a
singular one."""
STEPS_MAX = 500
"""Newton steps; three times what fifty strategies take just above ``PIVOT_MIN``."""

_CONTEXT = Context(
    prec=50, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow]
)
_TARGET = Decimal("1e-15")  # where the search stops; six digits below the promise
_DAMPED_ABOVE = Decimal("0.25")
_ASYMMETRY_MAX = 1e-9  # arbitrary: far above rounding, far below a wrong figure

_Rows = list[list[Decimal]]


def risk_parity_weights(
    covariance: Sequence[Sequence[float]], *, names: Sequence[str] | None = None
) -> tuple[Decimal, ...]:
    """Weights with equal risk contributions.

    Args:
        covariance: symmetric and positive definite, any scale.
        names: what to call the rows in an error; their numbers when None.

    Returns:
        One weight above 0 per row, with 50 digits, summing to 1 within their rounding; the risk
        contributions differ from their mean by at most ``CONTRIBUTION_TOLERANCE``, relative.

    Raises:
        EstimateError: not positive definite, or within ``PIVOT_MIN`` of it.
        ConfigurationError: not a square, symmetric matrix of finite numbers.
    """
    labels = [str(one) for one in (range(len(covariance)) if names is None else names)]
    _check(covariance, labels)
    with localcontext(_CONTEXT):
        deviations = [_deviation(covariance[i][i], label) for i, label in enumerate(labels)]
        correlation = _correlation(covariance, deviations)
        _check_positive_definite(correlation, labels)
        scaled = _solve(correlation)
        raw = [y / deviation for y, deviation in zip(scaled, deviations, strict=True)]
        total = sum(raw)
        return tuple(one / total for one in raw)


def risk_contributions(
    weights: Iterable[Decimal | float], covariance: Sequence[Sequence[float]]
) -> tuple[Decimal, ...]:
    """Each row's part of the variance, as fractions that sum to 1 within rounding."""
    with localcontext(_CONTEXT):
        exact = [Decimal(one) for one in weights]
        parts = [
            one * _dot([Decimal(value) for value in row], exact)
            for one, row in zip(exact, covariance, strict=True)
        ]
        total = sum(parts)
        return tuple(part / total for part in parts)


def _solve(correlation: _Rows) -> list[Decimal]:
    """y > 0 with y_i (Cy)_i = 1 for every row."""
    size = len(correlation)
    # Along the ray of equal y the function is least where y'Cy = size.
    mass = sum((one for row in correlation for one in row), ZERO)
    y = [(size / mass).sqrt()] * size
    for _ in range(STEPS_MAX):
        gradient = [_dot(row, y) - ONE / one for row, one in zip(correlation, y, strict=True)]
        if max(abs(one * slope) for one, slope in zip(y, gradient, strict=True)) <= _TARGET:
            return y
        y = _newton_step(correlation, y, gradient)
    raise EstimateError(
        f"equal risk contributions were not reached in {STEPS_MAX} steps: the covariance is too "
        "near to singular; set shrinkage, a fallback, or drop a strategy"
    )


def _newton_step(correlation: _Rows, y: list[Decimal], gradient: list[Decimal]) -> list[Decimal]:
    hessian = [list(row) for row in correlation]
    for i, one in enumerate(y):
        hessian[i][i] += ONE / (one * one)
    direction = _solve_triangular(_cholesky(hessian), gradient)
    decrement = _dot(gradient, direction).sqrt()
    length = ONE / (ONE + decrement) if decrement > _DAMPED_ABOVE else ONE
    # Stays above 0: |direction_i| <= decrement x y_i, because the Hessian exceeds diag(1 / y²).
    return [one - length * change for one, change in zip(y, direction, strict=True)]


def _cholesky(matrix: _Rows) -> _Rows:
    """Rows of the lower triangle L with LL' = matrix."""
    lower: _Rows = []
    for row in matrix:
        new, pivot = _eliminated(row, lower)
        lower.append([*new, pivot.sqrt()])
    return lower


def _check_positive_definite(correlation: _Rows, labels: list[str]) -> None:
    lower: _Rows = []
    for i, row in enumerate(correlation):
        new, pivot = _eliminated(row, lower)
        if pivot < PIVOT_MIN:
            raise EstimateError(
                f"the covariance is not positive definite: what {labels[i]!r} does is a mix of "
                f"{', '.join(map(repr, labels[:i]))} (pivot {pivot:.1e}); give more history, set "
                "shrinkage or a fallback, or drop one of them"
            )
        lower.append([*new, pivot.sqrt()])


def _eliminated(row: list[Decimal], lower: _Rows) -> tuple[list[Decimal], Decimal]:
    """The next row of L up to its diagonal, and the square of the diagonal element: what the row
    adds to those before it."""
    new: list[Decimal] = []
    for j, before in enumerate(lower):
        new.append((row[j] - _dot(new, before)) / before[j])
    return new, row[len(lower)] - _dot(new, new)


def _solve_triangular(lower: _Rows, right: list[Decimal]) -> list[Decimal]:
    """x with LL'x = right."""
    size = len(lower)
    forward: list[Decimal] = []
    for i in range(size):
        forward.append((right[i] - _dot(lower[i], forward)) / lower[i][i])
    back = [ZERO] * size
    for i in reversed(range(size)):
        below = sum((lower[k][i] * back[k] for k in range(i + 1, size)), ZERO)
        back[i] = (forward[i] - below) / lower[i][i]
    return back


def _dot(left: Sequence[Decimal], right: Sequence[Decimal]) -> Decimal:
    """Inner product over the shorter one's length."""
    return sum(map(mul, left, right), ZERO)


def _correlation(covariance: Sequence[Sequence[float]], deviations: list[Decimal]) -> _Rows:
    """Both triangles alike, whatever rounding left between them."""
    rows: _Rows = [[ONE] * len(deviations) for _ in deviations]
    for i, deviation in enumerate(deviations):
        for j in range(i):
            mean = (Decimal(covariance[i][j]) + Decimal(covariance[j][i])) / 2
            rows[i][j] = rows[j][i] = mean / (deviation * deviations[j])
    return rows


def _deviation(variance: float, label: str) -> Decimal:
    if not variance > 0.0:
        raise EstimateError(
            f"the covariance is not positive definite: the variance of {label!r} is {variance}"
        )
    return Decimal(variance).sqrt()


def _check(covariance: Sequence[Sequence[float]], labels: list[str]) -> None:
    size = len(covariance)
    if not size or len(labels) != size or any(len(row) != size for row in covariance):
        raise ConfigurationError(
            f"a covariance has one row and one column per strategy, got rows of "
            f"{[len(row) for row in covariance]} for {labels}"
        )
    for i, row in enumerate(covariance):
        for j, value in enumerate(row):
            where = f"covariance of {labels[i]!r} and {labels[j]!r}"
            if not math.isfinite(value):
                raise ConfigurationError(f"{where} must be finite, got {value}")
            other = covariance[j][i]
            if abs(value - other) > _ASYMMETRY_MAX * max(abs(value), abs(other)):
                raise ConfigurationError(
                    f"{where} is {value} in one triangle, {other} in the other"
                )
