"""Probability distributions: sampling with PyTorch's streams, densities, entropies, divergences.

https://docs.pytorch.org/docs/stable/distributions.html
"""

from minigrad.distributions import constraints as constraints
from minigrad.distributions import kl_gamma_rules as _kl_gamma_rules  # noqa: F401
from minigrad.distributions import kl_rules as _kl_rules  # noqa: F401  # they register
from minigrad.distributions import transforms as transforms
from minigrad.distributions.bernoulli import Bernoulli as Bernoulli
from minigrad.distributions.beta import Beta as Beta
from minigrad.distributions.binomial import Binomial as Binomial
from minigrad.distributions.categorical import Categorical as Categorical
from minigrad.distributions.cauchy import Cauchy as Cauchy
from minigrad.distributions.chi2 import Chi2 as Chi2
from minigrad.distributions.constraint_registry import biject_to as biject_to
from minigrad.distributions.constraint_registry import transform_to as transform_to
from minigrad.distributions.continuous_bernoulli import ContinuousBernoulli as ContinuousBernoulli
from minigrad.distributions.dirichlet import Dirichlet as Dirichlet
from minigrad.distributions.distribution import Distribution as Distribution
from minigrad.distributions.exponential import Exponential as Exponential
from minigrad.distributions.fishersnedecor import FisherSnedecor as FisherSnedecor
from minigrad.distributions.gamma import Gamma as Gamma
from minigrad.distributions.generalized_pareto import GeneralizedPareto as GeneralizedPareto
from minigrad.distributions.geometric import Geometric as Geometric
from minigrad.distributions.gumbel import Gumbel as Gumbel
from minigrad.distributions.half_cauchy import HalfCauchy as HalfCauchy
from minigrad.distributions.half_normal import HalfNormal as HalfNormal
from minigrad.distributions.independent import Independent as Independent
from minigrad.distributions.inverse_gamma import InverseGamma as InverseGamma
from minigrad.distributions.kl import kl_divergence as kl_divergence
from minigrad.distributions.kl import register_kl as register_kl
from minigrad.distributions.kumaraswamy import Kumaraswamy as Kumaraswamy
from minigrad.distributions.laplace import Laplace as Laplace
from minigrad.distributions.log_normal import LogNormal as LogNormal
from minigrad.distributions.logistic_normal import LogisticNormal as LogisticNormal
from minigrad.distributions.lowrank_multivariate_normal import (
    LowRankMultivariateNormal as LowRankMultivariateNormal,
)
from minigrad.distributions.mixture_same_family import MixtureSameFamily as MixtureSameFamily
from minigrad.distributions.multinomial import Multinomial as Multinomial
from minigrad.distributions.multivariate_normal import MultivariateNormal as MultivariateNormal
from minigrad.distributions.negative_binomial import NegativeBinomial as NegativeBinomial
from minigrad.distributions.normal import Normal as Normal
from minigrad.distributions.one_hot_categorical import OneHotCategorical as OneHotCategorical
from minigrad.distributions.one_hot_categorical import (
    OneHotCategoricalStraightThrough as OneHotCategoricalStraightThrough,
)
from minigrad.distributions.pareto import Pareto as Pareto
from minigrad.distributions.poisson import Poisson as Poisson
from minigrad.distributions.relaxed_bernoulli import RelaxedBernoulli as RelaxedBernoulli
from minigrad.distributions.relaxed_categorical import (
    RelaxedOneHotCategorical as RelaxedOneHotCategorical,
)
from minigrad.distributions.studentT import StudentT as StudentT
from minigrad.distributions.transformed_distribution import (
    TransformedDistribution as TransformedDistribution,
)
from minigrad.distributions.transforms import (
    AbsTransform as AbsTransform,
)
from minigrad.distributions.transforms import (
    AffineTransform as AffineTransform,
)
from minigrad.distributions.transforms import (
    CatTransform as CatTransform,
)
from minigrad.distributions.transforms import (
    ComposeTransform as ComposeTransform,
)
from minigrad.distributions.transforms import (
    CorrCholeskyTransform as CorrCholeskyTransform,
)
from minigrad.distributions.transforms import (
    CumulativeDistributionTransform as CumulativeDistributionTransform,
)
from minigrad.distributions.transforms import (
    ExpTransform as ExpTransform,
)
from minigrad.distributions.transforms import (
    IndependentTransform as IndependentTransform,
)
from minigrad.distributions.transforms import (
    LowerCholeskyTransform as LowerCholeskyTransform,
)
from minigrad.distributions.transforms import (
    PositiveDefiniteTransform as PositiveDefiniteTransform,
)
from minigrad.distributions.transforms import (
    PowerTransform as PowerTransform,
)
from minigrad.distributions.transforms import (
    ReshapeTransform as ReshapeTransform,
)
from minigrad.distributions.transforms import (
    SigmoidTransform as SigmoidTransform,
)
from minigrad.distributions.transforms import (
    SoftmaxTransform as SoftmaxTransform,
)
from minigrad.distributions.transforms import (
    SoftplusTransform as SoftplusTransform,
)
from minigrad.distributions.transforms import (
    StackTransform as StackTransform,
)
from minigrad.distributions.transforms import (
    StickBreakingTransform as StickBreakingTransform,
)
from minigrad.distributions.transforms import (
    TanhTransform as TanhTransform,
)
from minigrad.distributions.transforms import (
    Transform as Transform,
)
from minigrad.distributions.transforms import (
    identity_transform as identity_transform,
)
from minigrad.distributions.uniform import Uniform as Uniform
from minigrad.distributions.von_mises import VonMises as VonMises
from minigrad.distributions.weibull import Weibull as Weibull
