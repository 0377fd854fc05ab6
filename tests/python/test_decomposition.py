"""TruncatedSVD and PCA against their definitions by LAPACK, on dense, sparse and torch matrices."""

import sys

import numpy as np
import pytest
import torch

import fanion
from fanion.decomposition import PCA, TruncatedSVD


def samples(dtype="float64", mean=3.0):
    generator = np.random.default_rng(4)
    X = generator.standard_normal((200, 30)) * 0.7 ** np.arange(30) + mean * generator.standard_normal(30)
    return X.astype(dtype)


def sparse_samples(kind="csr_array"):
    sparse = pytest.importorskip("scipy.sparse")
    X = sparse.random_array((400, 80), density=0.05, rng=3)
    return getattr(sparse, kind)(X), X.toarray()


def assert_pca(pca, scores, X, k):
    """Of the dense float64 X: components up to sign, variances, ratios, scores."""
    centred = X - X.mean(0)
    _, S, Vt = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(pca.singular_values_, S[:k], rtol=1e-6)
    np.testing.assert_allclose(pca.explained_variance_, S[:k] ** 2 / (len(X) - 1), rtol=1e-6)
    np.testing.assert_allclose(pca.explained_variance_ratio_, S[:k] ** 2 / (S**2).sum(), rtol=1e-6)
    np.testing.assert_allclose(np.abs(np.sum(pca.components_ * Vt[:k], axis=1)), 1, rtol=1e-6)
    np.testing.assert_allclose(scores, centred @ pca.components_.T, atol=1e-3 * S[0])
    np.testing.assert_allclose(pca.mean_, X.mean(0), rtol=1e-6, atol=1e-9)
    largest = np.abs(pca.components_).argmax(1)
    assert (pca.components_[np.arange(k), largest] > 0).all()


def test_pca():
    X = samples()
    pca = PCA(4, tol=1e-8)
    scores = pca.fit_transform(X)
    assert_pca(pca, scores, X, 4)
    np.testing.assert_allclose(pca.transform(X), scores, atol=1e-6)
    np.testing.assert_allclose(pca.transform(X[:3]), scores[:3], atol=1e-6)
    whole = PCA(30, tol=1e-8).fit(X)
    np.testing.assert_allclose(whole.inverse_transform(whole.transform(X)), X, atol=1e-6)


@pytest.mark.parametrize("kind", ["csr_array", "csc_matrix", "coo_array"])
def test_pca_of_a_sparse_matrix_centres_it(kind):
    X, dense = sparse_samples(kind)
    pca = PCA(3, tol=1e-8)
    scores = pca.fit_transform(X)
    assert_pca(pca, scores, dense, 3)
    assert pca.report_.method == "block_krylov"  # of products alone


def test_a_torch_sparse_matrix_gives_tensors():
    _, dense = sparse_samples()
    for layout in (torch.sparse_coo, torch.sparse_csr, torch.sparse_csc):
        pca = PCA(3, tol=1e-8)
        scores = pca.fit_transform(torch.from_numpy(dense).to_sparse(layout=layout))
        assert all(isinstance(found, torch.Tensor) for found in (scores, pca.components_, pca.mean_))
        for name in ("components_", "singular_values_", "explained_variance_", "explained_variance_ratio_", "mean_"):
            setattr(pca, name, getattr(pca, name).numpy())
        assert_pca(pca, scores.numpy(), dense, 3)


def test_truncated_svd_does_not_centre():
    for X, dense in ((samples("float32"), samples("float32")), sparse_samples()):
        svd = TruncatedSVD(3, tol=1e-5, random_state=1)
        scores = svd.fit_transform(X)
        exact = np.linalg.svd(dense.astype("float64"), compute_uv=False)[:3]
        np.testing.assert_allclose(svd.singular_values_, exact, rtol=1e-5)
        np.testing.assert_allclose(scores, dense @ svd.components_.T, atol=1e-4 * exact[0])
        np.testing.assert_allclose(svd.explained_variance_, scores.var(0), rtol=1e-4)
        np.testing.assert_allclose(svd.explained_variance_ratio_, scores.var(0) / dense.var(0).sum(), rtol=1e-4)
        assert scores.dtype == svd.components_.dtype == dense.dtype


def test_errors():
    with pytest.raises(RuntimeError, match="this PCA is not fitted yet; call fit first"):
        PCA().transform(samples())
    fitted = PCA().fit(samples())
    with pytest.raises(ValueError, match="X has 7 features; PCA was fitted with 30"):
        fitted.transform(samples()[:, :7])
    with pytest.raises(ValueError, match="k = 31 is out of range"):
        PCA(31).fit(samples())
    with pytest.raises(ValueError, match="PCA has no parameter 'whiten'; it has: n_components, tol"):
        PCA().set_params(whiten=True)
    with pytest.raises(TypeError, match="X must be a tensor, a NumPy array or a SciPy sparse matrix, got LinearOp"):
        PCA().fit(fanion.linalg.aslinearoperator(samples()))


def test_parameters_as_scikit_learn_has_them():
    pca = PCA(5, random_state=3)
    assert pca.get_params() == {
        "n_components": 5,
        "tol": 1e-4,
        "method": "auto",
        "precision": "full",
        "random_state": 3,
    }
    assert type(pca)(**pca.get_params()).set_params(tol=1e-2).tol == 1e-2
    assert "sklearn" not in sys.modules or pca.__sklearn_tags__().input_tags.sparse


def test_in_a_pipeline_of_scikit_learn():
    pipeline = pytest.importorskip("sklearn.pipeline")
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    base = pytest.importorskip("sklearn.base")
    decomposition = pytest.importorskip("sklearn.decomposition")
    X, dense = sparse_samples()
    made = pipeline.make_pipeline(base.clone(PCA(4, tol=1e-8)), preprocessing.StandardScaler())
    theirs = pipeline.make_pipeline(decomposition.PCA(4, svd_solver="full"), preprocessing.StandardScaler())
    np.testing.assert_allclose(made.fit_transform(X), theirs.fit_transform(dense), atol=1e-5)
    assert "PCA" in repr(made.named_steps)
