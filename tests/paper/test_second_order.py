"""Work of a multilevel training, and the figure of every problem that has both methods."""

import numpy as np

from pdebridge.paper import second_order


def test_work_is_counted_in_iterations_of_the_whole_network():
    arrays = {
        "multilevel/steps": np.array([[4.0, 4, 8, 16]]),
        "multilevel/train/loss": np.ones((1, 4)),
        "single-level/train/loss": np.ones((2, 3)),
    }
    assert second_order.work(arrays, "multilevel").tolist() == [[0.25, 0.5, 1.0, 2.0]]
    assert second_order.work(arrays, "single-level").tolist() == [[1, 2, 3], [1, 2, 3]]


def test_the_figure_is_drawn(tmp_path):
    cells = ["roll-sgd", "roll-gauss-newton", "multilevel", "single-level"]
    arrays = {f"{cell}/{column}": np.full((2, 3), 0.5) for cell in cells for column in ("train/loss", "seconds")}
    arrays["multilevel/steps"] = np.array([[2.0, 4, 4]] * 2)
    second_order.draw(arrays, tmp_path / "figure")
    assert (tmp_path / "figure.png").exists()
