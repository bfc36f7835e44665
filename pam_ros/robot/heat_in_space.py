# SPDX-License-Identifier: Apache-2.0
"""A camera's map laid on a flat surface: where in the room the policy looks, as far as one knows.

Without depth a cell is a cone: what it saw is somewhere on the rays of its pixels. They are
followed to a plane, such as the table. Seen from the camera that is exact, whatever stands on the
plane; the heat of something of height h lies behind its foot, by h / tan(slope of the ray).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pam_ros.robot.pinhole import Pinhole
    from pam_ros.robot.regions import Grid

FAINTEST = 0.05
"""A piece whose corners are all below this part of full heat is left out."""
ABOVE = 0.002
"""Heat lies so far above the surface [m], or the two would flicker."""
STRONGEST = 3
_RAY_FROM = 0.5


@dataclass(frozen=True, eq=False)
class SurfaceHeat:
    """Heat on a plane, and the rays that lead there, in the frame of the plane.

    Attributes:
        triangles: (n, 3, 3) float64, corners [m].
        levels: (n, 3) float64, heat of each corner, 0 to 1; colours between are interpolated.
        rays: (k, 2, 3) float64, from the camera to the strongest cells [m].
        ray_levels: (k,) float64, 0 to 1.
    """

    triangles: NDArray[np.float64]
    levels: NDArray[np.float64]
    rays: NDArray[np.float64]
    ray_levels: NDArray[np.float64]


def heat_on_surface(
    cells: NDArray[np.float32],
    grid: Grid,
    full_scale: float,
    camera: Pinhole,
    pose: NDArray[np.float64],
    *,
    height: float = 0.0,
    farthest: float = 3.0,
) -> SurfaceHeat:
    """Lay a map on the plane z = height.

    As in an overlay, heat is centred where each cell looks, interpolated between and held constant
    beyond the outermost cells.

    Args:
        cells: (rows, cols) of a map on the source picture.
        grid: where they lie in it.
        full_scale: the mass drawn as full heat, see attention/scale.py.
        camera: that took the picture, for its size.
        pose: (4, 4), the camera's optical frame in that of the plane.
        height: of the plane [m].
        farthest: pieces further away from the camera are left out [m].
    """
    rows, cols = cells.shape
    # Lattice: the picture's edges and the middles of the cells between them.
    x = _lattice(grid.x0, grid.dx, cols, camera.width)
    y = _lattice(grid.y0, grid.dy, rows, camera.height)
    heat = np.clip(cells / full_scale, 0.0, 1.0).astype(np.float64)
    heat = np.pad(heat, 1, mode="edge")
    pixels = np.stack(np.meshgrid(x, y), axis=-1)
    points, hit = _on_plane(camera, pose, pixels.reshape(-1, 2), height + ABOVE, farthest)
    points, hit = points.reshape(*pixels.shape[:2], 3), hit.reshape(pixels.shape[:2])
    corners = (slice(None, -1), slice(1, None))
    quads = np.stack([points[r, c] for r in corners for c in corners], axis=2)
    levels = np.stack([heat[r, c] for r in corners for c in corners], axis=2)
    seen = np.stack([hit[r, c] for r in corners for c in corners], axis=2).all(axis=2)
    seen &= levels.max(axis=2) >= FAINTEST
    order = ((0, 1, 2), (1, 3, 2))
    triangles = np.concatenate([quads[seen][:, each] for each in order])
    rays, ray_levels = _rays(cells, grid, full_scale, camera, pose, height, farthest)
    return SurfaceHeat(
        triangles, np.concatenate([levels[seen][:, each] for each in order]), rays, ray_levels
    )


def frustum(camera: Pinhole, depth: float) -> NDArray[np.float64]:
    """(8, 2, 3): edges of what a camera sees up to a depth [m], in its optical frame."""
    right, bottom = camera.width - 0.5, camera.height - 0.5
    edges = np.array(((-0.5, -0.5), (right, -0.5), (right, bottom), (-0.5, bottom)))
    far = camera.rays(edges) * depth
    around = np.stack([far, np.roll(far, -1, axis=0)], axis=1)
    return np.concatenate([np.stack([np.zeros((4, 3)), far], axis=1), around])


def _lattice(first: float, step: float, count: int, size: int) -> NDArray[np.float64]:
    middles = np.clip(first + step * np.arange(count), -0.5, size - 0.5)
    return np.concatenate([[-0.5], middles, [size - 0.5]])


def _on_plane(
    camera: Pinhole,
    pose: NDArray[np.float64],
    pixels: NDArray[np.float64],
    height: float,
    farthest: float,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(n, 3) where pixels (n, 2) meet z = height, and (n,) whether they do, near enough."""
    rays = camera.rays(pixels) @ pose[:3, :3].T
    eye = pose[:3, 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        way = (height - eye[2]) / rays[:, 2]
        points = eye + way[:, None] * rays
        away = np.linalg.norm(points - eye, axis=1)
    return points, np.isfinite(away) & (way > 0) & (away <= farthest)


def _rays(
    cells: NDArray[np.float32],
    grid: Grid,
    full_scale: float,
    camera: Pinhole,
    pose: NDArray[np.float64],
    height: float,
    farthest: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    flat = cells.ravel()
    strongest = np.argsort(flat)[::-1][:STRONGEST]
    strongest = strongest[flat[strongest] >= _RAY_FROM * full_scale]
    row, col = np.divmod(strongest, cells.shape[1])
    pixels = np.stack([grid.x0 + col * grid.dx, grid.y0 + row * grid.dy], axis=1)
    points, hit = _on_plane(camera, pose, pixels.astype(np.float64), height, farthest)
    points = points[hit]
    begin = np.broadcast_to(pose[:3, 3], points.shape)
    levels = np.clip(flat[strongest][hit].astype(np.float64) / full_scale, 0.0, 1.0)
    return np.stack([begin, points], axis=1), levels
