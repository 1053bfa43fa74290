"""scikit-learn's own checks, and its tools around the estimators."""

import numpy as np
import pytest
from contractive import AnomalyDetector, ContractiveAutoencoder, SeriesDetector
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

SMALL = {"hidden_layer_sizes": (8, 2), "max_iter": 3, "random_state": 0}


# What a series is not: rows that mean something by themselves.
OF_SERIES = {
    "check_methods_sample_order_invariance": "the order of rows is time",
    "check_methods_subset_invariance": "a row is scored by its neighbours in time",
    "check_fit2d_1feature": "ten rows make nine windows of two, and ten are needed",
    "check_n_features_in_after_fitting": "the same, in scikit-learn 1.6",
    "check_estimators_nan_inf": "the same; test_series.py looks at what is not finite",
}


@parametrize_with_checks(
    [
        ContractiveAutoencoder((8, 2), max_iter=5, random_state=0),
        AnomalyDetector(ensemble=2, steps=30, random_state=0),
        SeriesDetector(window=2, ensemble=1, steps=20, random_state=0),
    ],
    expected_failed_checks=lambda estimator: OF_SERIES if isinstance(estimator, SeriesDetector) else {},
)
def test_every_check_of_scikit_learn_passes(estimator, check):
    check(estimator)


def test_pipelines_searches_and_unions(rows):
    y = (rows[:, 0] > 0).astype(int)
    pipeline = make_pipeline(StandardScaler(), ContractiveAutoencoder(**SMALL), LogisticRegression())
    assert cross_val_score(pipeline, rows, y, cv=3).mean() > 0.7
    search = GridSearchCV(ContractiveAutoencoder(**SMALL), {"contraction": [0.0, 1.0]}, cv=3, n_jobs=2)
    assert search.fit(rows).best_params_ == {"contraction": 0.0}, "the score is the variance restored"
    union = FeatureUnion([("code", ContractiveAutoencoder(**SMALL)), ("scaled", StandardScaler())])
    assert union.fit_transform(rows).shape == (400, 8)


def test_set_output_gives_frames(rows):
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    frame = pd.DataFrame(rows, index=[f"r{i}" for i in range(len(rows))], columns=list("abcdef"))
    codes = ContractiveAutoencoder(**SMALL).set_output(transform="pandas").fit_transform(frame)
    assert list(codes.columns) == ["contractiveautoencoder0", "contractiveautoencoder1"]
    assert codes.index.equals(frame.index)
    codes = ContractiveAutoencoder(**SMALL).set_output(transform="polars").fit(frame).transform(frame)
    assert isinstance(codes, pl.DataFrame)
    assert codes.shape == (400, 2)


def test_names_of_columns_are_held_to_those_fitted_on(rows):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(rows, columns=list("abcdef"))
    model = ContractiveAutoencoder(**SMALL).fit(frame)
    assert list(model.feature_names_in_) == list("abcdef")
    assert model.model_.feature_names == list("abcdef")
    with pytest.raises(ValueError, match="feature names should match"):
        model.transform(frame[list("abcdfe")])


def test_clones_know_their_parameters_and_nothing_else(rows):
    model = ContractiveAutoencoder(**SMALL).fit(rows)
    fresh = clone(model)
    assert fresh.get_params() == model.get_params()
    assert not hasattr(fresh, "model_")
    assert np.array_equal(fresh.fit(rows).transform(rows), model.transform(rows))
