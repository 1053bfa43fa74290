"""The penalty in ``fit``: a layer that adds it to the losses of any model, and an autoencoder that reports its terms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from .penalties import PENALTIES
from .reading import refuse_training
from .slopes import Derivatives


def sse(y_true: Any, y_pred: Any) -> Any:
    """Give the squared error of each row, summed over features: the loss ``sse`` for ``compile``; shape (N,)."""
    difference = ops.convert_to_tensor(y_pred) - ops.cast(y_true, y_pred.dtype)
    return ops.sum(ops.reshape(ops.square(difference), (ops.shape(difference)[0], -1)), 1)


def _is_penalty(name: str, contraction: float) -> None:
    if name not in PENALTIES:
        raise ValueError(f"`penalty` must be one of {', '.join(PENALTIES)}, got {name!r}")
    if isinstance(contraction, bool) or not 0 <= contraction < float("inf"):
        raise ValueError(f"`contraction` must be a finite number, 0 or more, got {contraction!r}")


def _told(derivatives: Derivatives) -> list[list[Any]] | None:
    """Give derivatives as pairs that Keras saves: their functions must be registered with it."""
    if not derivatives:
        return None
    serialise = keras.saving.serialize_keras_object
    return [[serialise(function), serialise(derivative)] for function, derivative in derivatives.items()]


def _untold(config: dict[str, Any], *models: str) -> dict[str, Any]:
    """Give the arguments that a saved configuration holds."""
    restore = keras.saving.deserialize_keras_object
    given = {**config, **{name: restore(config[name]) for name in models}}
    if given.get("derivatives"):
        given["derivatives"] = {restore(one): restore(other) for one, other in given["derivatives"]}
    return given


class ContractivePenalty(keras.Layer):
    """An encoder that adds contraction · penalty to the losses of the model that it stands in.

    Parameters
    ----------
    encoder : keras.Sequential or functional keras.Model
        As in :func:`contractive.keras.jacobian_penalty`.
    contraction : float, default=1.0
        Weight of the penalty's mean over rows, 0 or more.
    penalty : {"jacobian", "jacobian_norm", "layerwise"}, default="jacobian"
        Which.
    derivatives : dict, optional
        φ′ of activations of your own.
    **kwargs
        What :class:`keras.Layer` takes.

    Raises
    ------
    PenaltyError
        In training, for a ``BatchNormalization`` that is trainable.

    Examples
    --------
    >>> import keras
    >>> from contractive.keras import ContractivePenalty
    >>> encoder = keras.Sequential([keras.layers.Dense(8, "tanh"), keras.layers.Dense(2, "tanh")])
    >>> model = keras.Sequential([keras.Input((5,)), ContractivePenalty(encoder, 0.1), keras.layers.Dense(5)])
    >>> model.compile("adam", "mse")
    """

    def __init__(
        self,
        encoder: Any,
        contraction: float = 1.0,
        penalty: str = "jacobian",
        derivatives: Derivatives = None,
        **kwargs: Any,
    ) -> None:
        _is_penalty(penalty, contraction)
        super().__init__(**kwargs)
        self.encoder = encoder
        self.contraction, self.penalty = float(contraction), penalty
        # Not as an attribute by that name: Keras makes dictionaries its own, and their keys names.
        self._derivatives: Callable[[], Derivatives] = lambda: derivatives

    def build(self, input_shape: Any) -> None:
        """Build the encoder."""
        if not self.encoder.built:
            self.encoder.build(input_shape)
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Give the code, (N, k)."""
        if training:
            refuse_training(self.encoder)
        if self.contraction > 0:
            value = PENALTIES[self.penalty](self.encoder, inputs, derivatives=self._derivatives())
            self.add_loss(self.contraction * value)
        return self.encoder(inputs, training=training)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Give the encoder's."""
        return self.encoder.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Give what the layer is made of."""
        return {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "contraction": self.contraction,
            "penalty": self.penalty,
            "derivatives": _told(self._derivatives()),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> ContractivePenalty:
        """Make a layer of what :meth:`get_config` gave."""
        return cls(**_untold(config, "encoder"))


class ContractiveAutoencoder(keras.Model):
    """A contractive autoencoder: the compiled loss between x and g(f(x)), plus contraction · penalty of the encoder f.

    ``fit(X)`` takes the rows as their own targets; ``fit(X, Y)`` others. History and ``evaluate`` have ``loss``, the number
    that is minimised, and its terms ``reconstruction`` and ``penalty``, each the mean over rows; with sample weights they
    weight both terms. The penalty is that of the encoder as inference computes it, at the rows as they are given.

    Parameters
    ----------
    encoder : keras.Sequential or functional keras.Model
        As in :func:`contractive.keras.jacobian_penalty`, d → k.
    decoder : keras.Model
        Any, k → d.
    contraction : float, default=1e-3
        Weight of the penalty, 0 or more; 0 is a plain autoencoder, whose penalty is measured nonetheless.
    penalty : {"jacobian", "jacobian_norm", "layerwise"}, default="jacobian"
        Which; definitions in docs/derivations.
    derivatives : dict, optional
        φ′ of activations of your own; saved where its functions are registered with Keras.
    **kwargs
        What :class:`keras.Model` takes.

    Raises
    ------
    PenaltyError
        In training, for a ``BatchNormalization`` of the encoder that is trainable: rows would depend on each other.

    Notes
    -----
    ``loss="mse"`` is the mean over features, as in the estimator; ``loss=contractive.keras.sse`` their sum, as in most
    papers. With a loss that divides by the number of features λ must be so much smaller (docs/notation.md).

    Examples
    --------
    >>> import keras, numpy as np
    >>> from contractive.keras import ContractiveAutoencoder
    >>> encoder = keras.Sequential([keras.layers.Dense(8, "tanh"), keras.layers.Dense(2, "tanh")])
    >>> decoder = keras.Sequential([keras.layers.Dense(8, "tanh"), keras.layers.Dense(5)])
    >>> model = ContractiveAutoencoder(encoder, decoder, contraction=0.01)
    >>> model.compile("adam", "mse")
    >>> history = model.fit(np.zeros((20, 5)), verbose=0).history
    >>> sorted(history)
    ['loss', 'penalty', 'reconstruction']
    """

    def __init__(
        self,
        encoder: Any,
        decoder: Any,
        contraction: float = 1e-3,
        penalty: str = "jacobian",
        derivatives: Derivatives = None,
        **kwargs: Any,
    ) -> None:
        _is_penalty(penalty, contraction)
        super().__init__(**kwargs)
        self.encoder, self.decoder = encoder, decoder
        self.contraction, self.penalty = float(contraction), penalty
        self._derivatives: Callable[[], Derivatives] = lambda: derivatives
        self._reconstruction_mean = keras.metrics.Mean(name="reconstruction")
        self._penalty_mean = keras.metrics.Mean(name="penalty")

    def build(self, input_shape: Any) -> None:
        """Build encoder and decoder for rows of this shape, (None, …)."""
        if not self.encoder.built:
            self.encoder.build(input_shape)
        if not self.decoder.built:
            self.decoder.build(self.encoder.compute_output_shape(input_shape))
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Give reconstructions, (N, …)."""
        return self.decoder(self.encoder(inputs, training=training), training=training)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Give the decoder's."""
        return self.decoder.compute_output_shape(self.encoder.compute_output_shape(input_shape))

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Train as Keras does, once it is known that rows do not depend on each other."""
        # Before it begins: what fails within takes the weights with it on JAX.
        refuse_training(self.encoder)
        return super().fit(*args, **kwargs)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Give the objective of a batch, and note its terms.

        Every backend's ``train_step`` calls this; here x is at hand and no cast of a mixed-precision policy in force.
        """
        if training:
            refuse_training(self.encoder)
        loss = super().compute_loss(x, x if y is None else y, y_pred, sample_weight, training=training)
        others = [self._aggregate_additional_loss(other) for other in self.losses]
        rows = PENALTIES[self.penalty](self.encoder, x, reduction="none", derivatives=self._derivatives())
        if sample_weight is not None:
            rows = rows * ops.reshape(ops.cast(sample_weight, rows.dtype), (-1,))
        n_rows = ops.shape(rows)[0]
        penalty = ops.sum(rows) / ops.cast(n_rows, rows.dtype)
        self._reconstruction_mean.update_state(loss - sum(others), sample_weight=n_rows)
        self._penalty_mean.update_state(penalty, sample_weight=n_rows)
        return loss + self._aggregate_additional_loss(self.contraction * penalty)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Give the metrics of a batch; those of ``compile`` are taken against x where there is no target."""
        return super().compute_metrics(x, x if y is None else y, y_pred, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Give what the model is made of."""
        return {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "decoder": keras.saving.serialize_keras_object(self.decoder),
            "contraction": self.contraction,
            "penalty": self.penalty,
            "derivatives": _told(self._derivatives()),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> ContractiveAutoencoder:
        """Make a model of what :meth:`get_config` gave."""
        del custom_objects  # Keras has them in its scope by then
        return cls(**_untold(config, "encoder", "decoder"))


for _saved in (sse, ContractivePenalty, ContractiveAutoencoder):
    keras.saving.register_keras_serializable(package="contractive")(_saved)
