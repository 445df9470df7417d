"""scikit-learn over Lithops gives what it gives over loky, or in one process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
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


X, Y = make_classification(600, 20, random_state=0)


def tree() -> DecisionTreeClassifier:
    return DecisionTreeClassifier(max_depth=3, random_state=0)


def cached_pipeline(folder: Path) -> Any:
    pipeline = make_pipeline(StandardScaler(), tree(), memory=str(folder))
    return GridSearchCV(pipeline, {"decisiontreeclassifier__max_depth": [1, 2]}, n_jobs=2, cv=2).fit(X, Y)


def nested(outer_jobs: int) -> Any:
    forest = RandomForestClassifier(4, n_jobs=2, random_state=0)
    return GridSearchCV(forest, {"max_depth": [1, 3]}, n_jobs=outer_jobs, cv=2).fit(X, Y)


@pytest.mark.parametrize(
    "program",
    [
        lambda _folder: cross_val_score(tree(), X, Y, n_jobs=-1),
        lambda _folder: permutation_importance(tree().fit(X, Y), X, Y, n_jobs=2, random_state=0).importances,
        lambda _folder: (
            RandomizedSearchCV(tree(), {"max_depth": [1, 2, 3]}, n_iter=2, random_state=0, n_jobs=2, pre_dispatch="all")
            .fit(X, Y)
            .cv_results_["mean_test_score"]
        ),
        lambda _folder: (
            StackingClassifier([("tree", tree()), ("line", LogisticRegression())], n_jobs=2).fit(X, Y).predict_proba(X)
        ),
        lambda folder: cached_pipeline(folder).cv_results_["mean_test_score"],
        lambda _folder: nested(2).cv_results_["mean_test_score"],
        lambda _folder: nested(1).cv_results_["mean_test_score"],
    ],
    ids=["scores", "importance", "randomized", "stacking", "cached pipeline", "nested", "nested in one"],
)
def test_programs_give_what_they_give_in_one_process(program: Callable[[Path], Any], tmp_path: Path) -> None:
    with joblib.parallel_config("lithops"):
        ours = program(tmp_path / "ours")
    with joblib.parallel_config("sequential"):
        theirs = program(tmp_path / "theirs")
    assert np.allclose(ours, theirs)
