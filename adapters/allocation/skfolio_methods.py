"""skfolio's optimisers as allocation methods, by name. Needs the extra ``orchestrion[skfolio]``.

    skfolio_hierarchical_risk_parity_single  López de Prado's original: single linkage, variance
    skfolio_hierarchical_risk_parity_ward    the same with Ward linkage, skfolio's own default
    skfolio_minimum_variance                 long only, fully invested
    skfolio_maximum_diversification          long only, fully invested

They see the same returns as our own methods (the books' common days, in id order) and answer in
floats that went through BLAS and a solver, so their weights are recorded like every estimate and a
recomputation on another machine agrees within the tolerance only. Reserve and bounds are ours:
weights are clipped afterwards, as for all methods.

skfolio takes seconds to import, so it is imported when a method is first used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

from orchestrion.domain.capital.allocation_method import (
    AllocationMethod,
    AllocationRequest,
    MethodWeights,
    in_rank_order,
)
from orchestrion.domain.capital.allocation_policy import AllocationMethods
from orchestrion.domain.capital.return_history import EstimateError
from orchestrion.domain.errors import ConfigurationError

EXTRA = "skfolio"


def register_skfolio(methods: AllocationMethods) -> None:
    """Adds all of them; imports nothing yet.

    Raises:
        ConfigurationError: one of the names is taken.
    """
    for name, method in SKFOLIO_METHODS.items():
        methods.register(name, method)


def _hierarchical_risk_parity(linkage: str) -> object:
    cluster, seriation = _module("skfolio.cluster"), _module("skfolio.seriation")
    clustering = cluster.HierarchicalClustering(linkage_method=cluster.LinkageMethod[linkage])
    return _module("skfolio.optimization").HierarchicalRiskParity(
        seriation_estimator=seriation.HierarchicalSeriation(
            hierarchical_clustering_estimator=clustering
        )
    )


def _minimum_variance() -> object:
    return _module("skfolio.optimization").MeanRisk()


def _maximum_diversification() -> object:
    return _module("skfolio.optimization").MaximumDiversification()


def _method(optimiser: Callable[[], Any]) -> AllocationMethod:
    def method(request: AllocationRequest) -> MethodWeights:
        aligned = request.aligned_returns()
        model = optimiser()
        days = _module("numpy").array(aligned.returns).T
        try:
            model.fit(days)
        except (ValueError, ArithmeticError, _module("skfolio.exceptions").SkfolioError) as error:
            raise EstimateError(f"skfolio's {type(model).__name__} failed: {error}") from error
        # An interior point solver leaves what should be zero a hair above or below it.
        weights = [max(float(weight), 0.0) for weight in model.weights_]
        return in_rank_order(request, aligned, weights)

    return method


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"allocation methods of skfolio need the extra {EXTRA!r} ({error}): "
            f"pip install 'orchestrion[{EXTRA}]'"
        ) from error


SKFOLIO_METHODS: Mapping[str, AllocationMethod] = MappingProxyType(
    {
        "skfolio_hierarchical_risk_parity_single": _method(
            lambda: _hierarchical_risk_parity("SINGLE")
        ),
        "skfolio_hierarchical_risk_parity_ward": _method(lambda: _hierarchical_risk_parity("WARD")),
        "skfolio_minimum_variance": _method(_minimum_variance),
        "skfolio_maximum_diversification": _method(_maximum_diversification),
    }
)
