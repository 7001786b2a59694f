"""A network as the survey writes it: opening, flow, linear classifier."""

from torch import Tensor, nn

from pdebridge.networks.flow import Flow


class FlowClassifier(nn.Module):
    """``y -> W P u(T) + mu`` with ``u(0)`` from the opening and ``u(T)`` from the flow.

    The logits feed a multinomial (softmax) model, linear in the propagated features. ``P`` keeps the first `readout`
    coordinates: with two, the decision line in the plane is the classifier itself and no projection of it.

    Args:
        opening: map from inputs ``(batch, ...)`` to ``u(0)``.
        flow: the block of steps.
        readout: number of leading features that the classifier sees, at most the width of the flow.
        classes: number of classes.
    """

    def __init__(self, opening: nn.Module, flow: Flow, readout: int, classes: int) -> None:
        super().__init__()
        self.opening, self.flow = opening, flow
        self.classifier = nn.Linear(readout, classes)

    def forward(self, y: Tensor) -> Tensor:
        """Return the logits, ``(batch, classes)``."""
        return self.classify(self.flow(self.opening(y)))

    def classify(self, u: Tensor) -> Tensor:
        """Return the logits of propagated features ``(batch, width)``."""
        return self.classifier(u[:, : self.classifier.in_features])

    def trajectory(self, y: Tensor) -> list[Tensor]:
        """Return ``u_0, ..., u_N``."""
        return self.flow.trajectory(self.opening(y))
