# SPDX-License-Identifier: Apache-2.0
"""Does a pre-processor leave each picture as large as it is, and each pixel in its place?

The maps say which pixels of the picture were read. Of a picture that is cropped or resized on its
way to the network they would say it wrongly; a contract crops and resizes before, and is heeded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from pam_ros.policy.act.passes import Prepared
    from pam_ros.policy.interface import PolicySpec

_STEP = "ImageCropResizeProcessorStep"
_CURE = "in the contract instead, and take that step out of policy_preprocessor.json"


def refuse_cropped(spec: PolicySpec, preprocessor: Any) -> None:
    """Raise PolicyError if lerobot's own step crops a picture of the policy."""
    for step in getattr(preprocessor, "steps", ()):
        if _STEP not in [each.__name__ for each in type(step).__mro__]:
            continue
        cropped = {spec.own_name(feature) for feature in step.crop_params_dict or {}}
        for camera in spec.cameras:
            if camera.feature in cropped:
                raise PolicyError(
                    f"{spec.name}: its pre-processor crops {camera.feature} ({_STEP}), so that "
                    f"maps would lie beside what they explain: crop {_CURE}"
                )


def refuse_resized(spec: PolicySpec, prepared: Prepared) -> None:
    """Raise PolicyError if a picture came out of the pre-processor in another size."""
    for camera, image in zip(spec.cameras, prepared.images, strict=True):
        found = tuple(image.shape[-2:])
        if found != (camera.height, camera.width):
            rows, cols = found
            raise PolicyError(
                f"{spec.name}: its pre-processor makes {rows}x{cols} (height x width) of "
                f"{camera.feature}, which is {camera.height}x{camera.width} in config.json: resize "
                f"{_CURE}, with [3, {rows}, {cols}] in config.json"
            )
