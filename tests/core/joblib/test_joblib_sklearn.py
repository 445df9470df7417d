"""scikit-learn over Lithops gives what it gives over loky, or in one process."""

from __future__ import annotations

import joblib
import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier


def test_a_grid_search_finds_the_same() -> None:
    x, y = make_classification(4000, 40, random_state=0)  # 1.28 MB: stored
    grid = {"max_depth": [1, 2, 4], "min_samples_leaf": [1, 8]}

    def search() -> GridSearchCV:
        return GridSearchCV(DecisionTreeClassifier(random_state=0), grid, cv=3, n_jobs=-1).fit(x, y)

    with joblib.parallel_config("lithops"):
        ours = search()
    with joblib.parallel_config("sequential"):
        theirs = search()
    assert ours.best_params_ == theirs.best_params_
    assert np.array_equal(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])


def test_a_forest_is_the_same() -> None:
    x, y = make_classification(4000, 40, random_state=0)

    def forest() -> RandomForestClassifier:
        return RandomForestClassifier(10, random_state=0, n_jobs=2, max_depth=6).fit(x, y)

    with joblib.parallel_config("lithops"):
        ours = forest()
        assert set(ours.predict(x)) == {0, 1}  # on threads: scikit-learn asks for shared memory
    for one, other in zip(ours.estimators_, forest().estimators_, strict=True):
        assert np.array_equal(one.predict_proba(x), other.predict_proba(x))
