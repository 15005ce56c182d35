"""Nets as scikit-learn's estimators: they work in pipelines, cross-validation and GridSearchCV.

https://scikit-learn.org/stable/developers/develop.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "minigrad.sklearn needs the package scikit-learn: pip install 'minigrad[sklearn]'"
    ) from None

from minigrad import nn, optim
from minigrad.modes import no_grad
from minigrad.random import Generator, fork_rng, manual_seed
from minigrad.tensor.tensor import Tensor
from minigrad.utils.data import DataLoader, TensorDataset

__all__ = [
    "NetClassifier",
    "NetRegressor",
]


def mlp(n_in: int, n_out: int) -> nn.Module:
    """Return the net that is trained unless another is given: two hidden layers of 64."""
    hidden = [nn.Linear(n_in, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU()]
    return nn.Sequential(*hidden, nn.Linear(64, n_out))


class _Net(BaseEstimator):
    """A net trained with AdamW on standardised features.

    ``module`` makes it of the numbers of features and outputs; the net is in ``module_`` when it
    is fitted. ``random_state`` seeds weights and batches.
    """

    def __init__(
        self,
        module: Callable[[int, int], nn.Module] = mlp,
        epochs: int = 100,
        batch_size: int = 32,
        lr: float = 0.01,
        weight_decay: float = 0.0,
        random_state: Any = None,
    ) -> None:
        self.module = module
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.random_state = random_state

    def _train(self, X: np.ndarray, y: np.ndarray, n_out: int, loss: Callable[..., Tensor]) -> None:
        self.mean_, self.scale_ = X.mean(0), X.std(0)
        self.scale_[self.scale_ < 1e-12 * (1 + abs(self.mean_))] = 1
        seed = int(check_random_state(self.random_state).randint(2**31))
        data = TensorDataset(self._features(X), Tensor._wrap(y))
        batches = DataLoader(data, self.batch_size, True, generator=Generator().manual_seed(seed))
        with fork_rng():
            manual_seed(seed)
            self.module_ = self.module(X.shape[1], n_out)
            weights = self.module_.parameters()
            optimizer = optim.AdamW(weights, lr=self.lr, weight_decay=self.weight_decay)
            for _ in range(self.epochs):
                for features, targets in batches:
                    optimizer.zero_grad()
                    loss(self.module_(features), targets).backward()
                    optimizer.step()
        self.module_.eval()
        self.n_iter_ = self.epochs

    def _features(self, X: np.ndarray) -> Tensor:
        standardised = (X - self.mean_) / self.scale_
        return Tensor._wrap(standardised.astype(np.float32))

    def _outputs(self, X: Any) -> Tensor:
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        with no_grad():
            return self.module_(self._features(X))


class NetClassifier(ClassifierMixin, _Net):
    """A classifier trained with cross entropy.

    >>> from minigrad.datasets import two_moons
    >>> from minigrad.sklearn import NetClassifier
    >>> points, labels = two_moons(200)
    >>> NetClassifier(epochs=20, random_state=0).fit(points, labels).score(points, labels) > 0.9
    True
    """

    def fit(self, X: Any, y: Any) -> NetClassifier:
        """Train on features (N, F) and labels (N,) of any kind; return the estimator."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, places = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"Classifier can't train with one class, got {self.classes_}")
        self._train(X, places.astype(np.int64), len(self.classes_), nn.functional.cross_entropy)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, (N, classes)."""
        logits = self._outputs(X).double()
        return logits.softmax(1).numpy()

    def predict(self, X: Any) -> np.ndarray:
        """Return the likeliest class of each sample, (N,)."""
        places = self.predict_proba(X).argmax(1)
        return self.classes_[places]


class NetRegressor(RegressorMixin, _Net):
    """A regressor trained with the mean squared error, of one output or several.

    >>> import numpy as np
    >>> from minigrad.sklearn import NetRegressor
    >>> x = np.linspace(-1, 1, 50)[:, None]
    >>> NetRegressor(random_state=0).fit(x, x[:, 0] ** 2).score(x, x[:, 0] ** 2) > 0.9
    True
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any) -> NetRegressor:
        """Train on features (N, F) and targets (N,) or (N, outputs); return the estimator."""
        X, y = validate_data(self, X, y, multi_output=True, y_numeric=True, dtype=np.float64)
        y = np.asarray(y, np.float64)
        targets = y.reshape(len(y), -1)
        self.target_mean_, self.target_scale_ = targets.mean(0), targets.std(0)
        self.target_scale_[self.target_scale_ == 0] = 1
        self._is_flat = y.ndim == 1
        standardised = (targets - self.target_mean_) / self.target_scale_
        n_out = targets.shape[1]
        self._train(X, standardised.astype(np.float32), n_out, nn.functional.mse_loss)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the predicted targets, of the shape they were fitted with."""
        outputs = self._outputs(X).double().numpy()
        targets = outputs * self.target_scale_ + self.target_mean_
        return targets[:, 0] if self._is_flat else targets
