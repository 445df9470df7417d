"""Search the best parameters of a model: scikit-learn's own grid search, by joblib over Lithops.

python examples/hyperparameter_search.py [--workers N] [--backend NAME]
"""

import argparse
import time

import joblib
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC

from lithops.util.joblib import register_lithops

GRID = {"C": [0.1, 1, 10], "gamma": [0.0001, 0.001, 0.01], "kernel": ["rbf", "poly"]}


def main() -> None:
    parser = argparse.ArgumentParser(description="Search the best parameters of a classifier of digits.")
    parser.add_argument("--workers", type=int, help="how many calls run at once; by default, one per processor")
    parser.add_argument("--backend", help="where the calls run; by default, as configured, else on this machine")
    args = parser.parse_args()
    images, digits = load_digits(return_X_y=True)

    register_lithops(backend=args.backend, max_workers=args.workers)
    start = time.perf_counter()
    with joblib.parallel_config("lithops"):
        search = GridSearchCV(SVC(), GRID, cv=3, n_jobs=-1).fit(images, digits)
    print(f"best parameters: {search.best_params_}")
    print(f"accuracy {search.best_score_:.3f}, {len(search.cv_results_['params']) * 3} fits in", end=" ")
    print(f"{time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
