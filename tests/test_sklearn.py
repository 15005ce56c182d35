"""Nets as scikit-learn's estimators."""

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import minigrad as mg
from minigrad import nn
from minigrad.datasets import two_moons
from minigrad.sklearn import NetClassifier, NetRegressor


@parametrize_with_checks([NetClassifier(random_state=0), NetRegressor(random_state=0)])
@pytest.mark.filterwarnings("ignore")
def test_check_estimator(estimator, check):
    check(estimator)


def small(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, n_out))


def test_search_and_pipeline():
    points, labels = two_moons(200, generator=mg.Generator())
    net = make_pipeline(StandardScaler(), NetClassifier(small, epochs=20, random_state=0))
    search = GridSearchCV(net, {"netclassifier__lr": [1e-6, 0.05]}, cv=2).fit(points.numpy(), labels.numpy())
    assert search.best_params_ == {"netclassifier__lr": 0.05} and search.best_score_ > 0.9
    assert cross_val_score(net, points.numpy(), np.array(["a", "b"])[labels.numpy()], cv=2).mean() > 0.8


def test_the_same_seed_gives_the_same_net_and_leaves_ours_alone():
    x = np.random.default_rng(0).standard_normal((60, 3))
    y = np.stack([x.sum(1), x[:, 0] ** 2], axis=1)
    mg.manual_seed(3)
    state = mg.get_rng_state()
    nets = [NetRegressor(small, epochs=60, random_state=1).fit(x, y) for _ in range(2)]
    np.testing.assert_array_equal(mg.get_rng_state(), state)
    np.testing.assert_array_equal(nets[0].predict(x), nets[1].predict(x))
    assert nets[0].score(x, y) > 0.7 and nets[0].predict(x).shape == (60, 2)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(nets[0])).predict(x), nets[0].predict(x))
