"""Volumes with masks from NIfTI files: one grid for both, Hounsfield units or what is already cut, any spacing.

The format: https://nifti.nimh.nih.gov. nibabel reads it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import SpatialImage
from numpy.typing import NDArray
from scipy.ndimage import zoom

from pdebridge.datasets.volumes import AFFECTED, LESIONS_OF_LUNGS, Volume, Volumes, divided, window

SUFFIXES = (".nii.gz", ".nii")
SAME = 1e-3  # millimetres by which the corners of two grids may differ, relative to a voxel


def nifti(
    *,
    seed: int = 0,
    path: str,
    structures: Mapping[str, Sequence[int]] | None = None,
    fraction: Sequence[str] = AFFECTED,
    validation: int = 1,
    test: int = 1,
    spacing: Sequence[float] | None = None,
) -> Volumes:
    """Return the cases of a folder: ``path/images/case.nii.gz`` with ``path/masks/case.nii.gz``, labels 0, 1, 2, ...

    Axes become slices (upwards), rows (to the front) and columns (to the right), in whatever order the file has them.
    An image with values below 0 has Hounsfield units, see `grey`.

    Args:
        seed: of the division into parts.
        path: the folder.
        structures: labels of each structure; by default ``lung: [1, 2]`` and ``lesion: [2]``.
        fraction: the structures whose volumes are divided, part and whole.
        validation: cases of validation.
        test: cases of the test; the rest is for training.
        spacing: millimetres along slices, rows and columns to which all cases are brought; those of the files if none.

    Raises:
        ValueError: cases are too few, an image has no mask, or a mask is on another grid or has other labels.
    """
    labels = {name: tuple(values) for name, values in (structures or LESIONS_OF_LUNGS).items()}
    part, whole = fraction
    if not {part, whole} <= set(labels):
        raise ValueError(f"fraction: {part!r} of {whole!r}, but there are the structures {', '.join(labels)}")
    files = paired(Path(path))
    if min(validation, test) < 1 or len(files) <= validation + test:
        raise ValueError(f"{path}: {len(files)} cases, too few for {validation} of validation, {test} of test, and one")
    made = [case(name, opened(image), ((opened(mask), None),), spacing) for name, (image, mask) in files.items()]
    made = [made[i] for i in np.random.default_rng(seed).permutation(len(made))]
    return Volumes(divided(made, validation, test), 1 + max(map(max, labels.values())), labels, (part, whole))


def check(path: str) -> None:
    """Refuse what `nifti` would refuse of a folder's files, by their headers alone."""
    for image, mask in paired(Path(path)).values():
        on_one_grid(opened(image), opened(mask))


def paired(folder: Path) -> dict[str, tuple[Path, Path]]:
    """Return image and mask of every case, by name."""
    images, masks = (named_files(folder / part) for part in ("images", "masks"))
    if missing := sorted(set(images) - set(masks)):
        raise ValueError(f"{images[missing[0]]} has no mask: {folder / 'masks'} must hold one of the same name")
    return {name: (images[name], masks[name]) for name in sorted(images)}


def named_files(folder: Path) -> dict[str, Path]:
    """Return the NIfTI files of a folder by their names without suffix."""
    found = {
        path.name.removesuffix(suffix): path
        for suffix in SUFFIXES
        for path in (folder.iterdir() if folder.is_dir() else ())
        if path.name.endswith(suffix)
    }
    if not found:
        raise ValueError(f"{folder}: no NIfTI files (*.nii, *.nii.gz) there")
    return found


def opened(path: Path) -> SpatialImage:
    """Return a volume with axes to the right, to the front and upwards; its voxels are not read yet."""
    try:
        image = nibabel.load(path)
        if not isinstance(image, SpatialImage) or len(image.shape) != 3:
            raise ValueError(f"{path}: not a volume: its shape is {getattr(image, 'shape', None)}")
        return nibabel.as_closest_canonical(image)
    except (ImageFileError, OSError, EOFError) as error:
        raise ValueError(f"{path}: not a NIfTI file ({' '.join(str(error).split())})") from None


def on_one_grid(image: SpatialImage, mask: SpatialImage) -> None:
    """Refuse a mask of another shape, or whose corners are elsewhere."""
    if mask.shape != image.shape:
        raise ValueError(f"{mask.get_filename()}: a mask of {mask.shape} voxels for an image of {image.shape}")
    sides = np.append(np.array(image.shape), 1.0)
    away = np.abs((mask.affine - image.affine) * sides)[:3].max() / min(image.header.get_zooms()[:3])
    if away > SAME:
        raise ValueError(f"{mask.get_filename()}: the mask lies elsewhere than its image, by {away:.2g} voxels")


def case(
    name: str,
    image: SpatialImage,
    masks: Sequence[tuple[SpatialImage, int | None]],
    spacing: Sequence[float] | None = None,
) -> Volume:
    """Return image and mask on one grid.

    Args:
        name: of the case.
        image: of grey levels.
        masks: later ones stand over earlier ones where they are not 0; with the label that all of each become, if any.
        spacing: millimetres along slices, rows and columns, to which the image is interpolated linearly and the mask by
            the nearest voxel.
    """
    found = np.zeros(image.shape[::-1], np.uint8)
    for mask, label in masks:
        on_one_grid(image, mask)
        marked = labels_of(mask)
        found = np.where(marked, label or marked, found).astype(np.uint8)
    own = tuple(round(float(h), 6) for h in image.header.get_zooms()[2::-1])
    levels, wanted = grey(voxels(image)), own if spacing is None else tuple(map(float, spacing))
    if len(wanted) != 3 or min(wanted) <= 0:
        raise ValueError(f"spacing must be three positive numbers of millimetres (found {list(wanted)})")
    if wanted != own:
        ratios = [h / new for h, new in zip(own, wanted, strict=True)]
        levels = zoom(levels, ratios, order=1, grid_mode=True, mode="nearest")
        found = zoom(found, ratios, order=0, grid_mode=True, mode="nearest")
    return Volume(name, levels, found, wanted)


def voxels(image: SpatialImage) -> NDArray[Any]:
    """Return the values as ``(slices, rows, columns)``."""
    return np.asarray(image.dataobj).T


def labels_of(mask: SpatialImage) -> NDArray[np.uint8]:
    """Return the labels of a mask; refuse what is no whole number from 0 to 255."""
    values = voxels(mask)
    if not np.isin(values, np.arange(256)).all():
        raise ValueError(f"{mask.get_filename()}: labels must be whole numbers from 0 to 255")
    return values.astype(np.uint8)


def grey(values: NDArray[Any]) -> NDArray[np.float32]:
    """Return grey levels from 0 to 1 of Hounsfield units, or of levels from 0 to 255 of which nothing is below 0.

    Half of the public cases are cut at -1250 and 250 and scaled to [0, 255] already; a scan in Hounsfield units has
    air, -1000, somewhere.

    Raises:
        ValueError: nothing is below 0, and something above 255.
    """
    if values.min() < 0:
        return window(values)
    if values.max() > 255:
        raise ValueError(f"values from {values.min():g} to {values.max():g}: neither Hounsfield units nor 0 to 255")
    return (values / 255).astype(np.float32)
