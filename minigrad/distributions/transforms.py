"""All transforms, by PyTorch's path.

https://docs.pytorch.org/docs/stable/distributions.html#module-torch.distributions.transforms
"""

from minigrad.distributions.elementwise_transforms import (
    AbsTransform as AbsTransform,
)
from minigrad.distributions.elementwise_transforms import (
    AffineTransform as AffineTransform,
)
from minigrad.distributions.elementwise_transforms import (
    CumulativeDistributionTransform as CumulativeDistributionTransform,
)
from minigrad.distributions.elementwise_transforms import (
    ExpTransform as ExpTransform,
)
from minigrad.distributions.elementwise_transforms import (
    PowerTransform as PowerTransform,
)
from minigrad.distributions.elementwise_transforms import (
    SigmoidTransform as SigmoidTransform,
)
from minigrad.distributions.elementwise_transforms import (
    SoftplusTransform as SoftplusTransform,
)
from minigrad.distributions.elementwise_transforms import (
    TanhTransform as TanhTransform,
)
from minigrad.distributions.transform import (
    ComposeTransform as ComposeTransform,
)
from minigrad.distributions.transform import (
    IndependentTransform as IndependentTransform,
)
from minigrad.distributions.transform import (
    ReshapeTransform as ReshapeTransform,
)
from minigrad.distributions.transform import (
    Transform as Transform,
)
from minigrad.distributions.transform import (
    identity_transform as identity_transform,
)
from minigrad.distributions.vector_transforms import (
    CatTransform as CatTransform,
)
from minigrad.distributions.vector_transforms import (
    CorrCholeskyTransform as CorrCholeskyTransform,
)
from minigrad.distributions.vector_transforms import (
    LowerCholeskyTransform as LowerCholeskyTransform,
)
from minigrad.distributions.vector_transforms import (
    PositiveDefiniteTransform as PositiveDefiniteTransform,
)
from minigrad.distributions.vector_transforms import (
    SoftmaxTransform as SoftmaxTransform,
)
from minigrad.distributions.vector_transforms import (
    StackTransform as StackTransform,
)
from minigrad.distributions.vector_transforms import (
    StickBreakingTransform as StickBreakingTransform,
)
