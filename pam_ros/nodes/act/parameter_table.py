# SPDX-License-Identifier: Apache-2.0
"""Every parameter of the act_attention node: its default, its bounds, and what is said of it.

`ros2 param describe`, config/act_attention.yaml and the page parameters.md say what stands here.
"""

from __future__ import annotations

from pam_ros.attention.attribution import (
    BASELINES,
    CONTRIBUTION_BASELINES,
    GRADIENT_METHODS,
    USUAL_BASELINE,
)
from pam_ros.attention.contribution import CELL
from pam_ros.attention.drawing import DRAWING, METHOD, SCALES
from pam_ros.attention.selection import LAST
from pam_ros.nodes.act.attention_selection import CHOICES
from pam_ros.nodes.kit.parameters import Declared
from pam_ros.policy.engines.names import CHOICES as ENGINES
from pam_ros.policy.engines.names import DTYPES
from pam_ros.tick.contribution import CHECK_EVERY

RELIABILITY = ("best_effort", "reliable")
BLOCKING, ASYNC = EXECUTIONS = ("blocking", "async")

SECTIONS: dict[str, tuple[Declared, ...]] = {
    "What runs": (
        Declared(
            "policy",
            "",
            "LeRobot checkpoint: a folder, or a repository on the Hugging Face hub. Required.",
            example="/path/to/checkpoint",
        ),
        Declared("revision", "", "Branch, tag or commit on the hub; empty for its main branch."),
        Declared(
            "contract",
            "",
            "The robot's contract: a YAML file, or the name of one in config/robots. Required.",
            example="so101_degrees",
        ),
        Declared("device", "auto", "auto, cpu, cuda, cuda:0, ..."),
        Declared(
            "engine",
            "auto",
            "What computes the forward pass, all with the same results: eager (ready at once), "
            "compile, openvino (CPU, needs its package), cuda_graph (NVIDIA). auto picks by "
            "device; the log and /diagnostics say what it picked, why, and how long that took "
            "to get ready.",
            choices=ENGINES,
        ),
        Declared(
            "dtype",
            "float32",
            "float32, or bfloat16 for the engine's matrix products: faster where the hardware "
            "has it. Or int8 for the convolutions, on a CPU with openvino: `pam_ros quantise` "
            "makes what it needs. The node measures the difference to float32 on your robot's "
            "first 5 observations while it is disabled, puts it in the log and on "
            "/diagnostics, and does not enable the robot beyond 0.25 of a standard deviation; "
            "with int8, nor before it has measured it once.",
            choices=DTYPES,
        ),
        Declared(
            "torch_threads",
            0,
            "Threads of torch on the CPU; 0 leaves torch's own choice.",
            True,
            0,
            256,
        ),
        Declared(
            "n_action_steps",
            0,
            "Above 0: queue mode, with so many actions of a chunk before the next. 0: as the "
            "checkpoint says.",
            True,
            0,
            10000,
        ),
        Declared(
            "execution",
            BLOCKING,
            "blocking: as LeRobot's select_action, the robot waits for each chunk. async: in "
            "queue mode, a thread computes the next chunk before the last one ends; rows that "
            "come too late are dropped, and the robot is held where none is there "
            "(docs/safety.md). Not enabled where a pass outlasts a chunk.",
            choices=EXECUTIONS,
        ),
        Declared(
            "temporal_ensemble",
            False,
            "True: temporal ensembling, whatever the checkpoint says, with weights exp(-coeff "
            "* i), i = 0 for the oldest chunk.",
        ),
        Declared(
            "temporal_ensemble_coeff",
            0.01,
            "The coefficient of temporal ensembling's weights, exp(-coeff * i).",
            True,
            -10.0,
            10.0,
        ),
    ),
    "What the policy is told": (
        Declared(
            "instruction",
            "",
            "The instruction of a policy that reads words; empty: the contract's, and if it "
            "has none, the policy's own. A message on ~/instruction (std_msgs/String) sets it "
            "as well; what was set last is in force, from the next tick on, and nothing that "
            "was planned before is executed.",
            False,
        ),
    ),
    "Life cycle": (
        Declared(
            "autostart",
            True,
            "The node is a managed one. true: it configures (loads the policy) and activates "
            "itself at the start. false: it waits for `ros2 lifecycle set /act_attention "
            "configure` and `activate`.",
        ),
    ),
    "When a tick happens": (
        Declared(
            "rate_hz",
            0.0,
            "Ticks per second [Hz]; 0 takes the contract's. Where the contract names a trigger "
            "camera its images make the ticks, and this is the rate to expect of it: deadlines "
            "and speed limits follow it.",
            True,
            0.0,
            1000.0,
        ),
    ),
    "Commands": (
        Declared(
            "enabled",
            False,
            "False: everything is shown and nothing is commanded. ~/enable (std_srvs/SetBool) "
            "sets it. true is not honoured at the start of a process that replaces one that "
            "died: see docs/safety.md.",
            False,
        ),
        Declared(
            "command_guard",
            True,
            "A process of its own that holds the robot while this one stands still, be it in a "
            "policy that keeps Python's lock. false: then only the node's own watchdog holds.",
        ),
        Declared(
            "soft_start_s",
            1.0,
            "Seconds in which the policy is blended in, from the measured position, after "
            "enabling and after a reset.",
            True,
            0.0,
            60.0,
        ),
    ),
    "Topics": (
        Declared(
            "image_reliability",
            "best_effort",
            "best_effort takes what every camera driver offers; reliable retransmits lost images.",
            choices=RELIABILITY,
        ),
        Declared(
            "image_depth",
            2,
            "Images kept per camera while a tick runs; more only delays what is seen.",
            True,
            1,
            100,
        ),
        Declared(
            "joint_reliability",
            "best_effort",
            "The same for joint states: best_effort takes what every driver offers.",
            choices=RELIABILITY,
        ),
        Declared(
            "jpeg_quality",
            85,
            "JPEG quality [1, 100] of the overlays' /compressed topics.",
            False,
            1,
            100,
        ),
        Declared(
            "tokens_layer",
            "encoder",
            "~/tokens, published while somebody subscribes (the sae_recorder does): the "
            "activations of this layer (encoder: its output; encoder_input; encoder.layers.K) "
            "for the tokens that the sampler chooses: all, uniform(64, seed=0), stride(2), "
            "block(2x2).",
        ),
        Declared(
            "tokens_sampler",
            "all",
            "Which tokens ~/tokens has: all, uniform(64, seed=0), stride(2), block(2x2).",
        ),
    ),
    "What is shown": (
        Declared(
            "attention_method",
            METHOD,
            "auto: the most faithful map that the machine keeps at this rate. That is "
            "contribution, then token_contribution if the policy has its means, else rollout; "
            "the log and /diagnostics say which and why. contribution: which parts of the "
            "pictures made the chunk what it is, pixel by pixel, by one forward and one "
            "backward pass. token_contribution: the same of the tokens, by the transformer "
            "alone. No command waits for these two, but they share the cores. The others say "
            "what is read, not what the action depends on (docs/faithfulness.md), and cost "
            "little. rollout: what the decoder reads, followed back through all encoder layers "
            "to the encoder's input. cross_attention: what the decoder reads of the tokens, to "
            "make the chunk. encoder_attention: what the tokens read of each other in one "
            "encoder layer, on the way. joint_attention: what the actions read of the tokens "
            "and of each other, of a policy class that has it (docs/policies.md); ACT has not. "
            "spatial_softmax: where keypoints lie, of a Diffusion Policy, which has no "
            "attention (docs/diffusion.md).",
            False,
            choices=CHOICES,
        ),
        Declared(
            "attention_layer",
            -1,
            "Layer of the encoder for encoder_attention, otherwise of the decoder, from 0; -1 "
            "is the last.",
            False,
            -1,
            1000,
        ),
        Declared(
            "attention_head",
            "mean",
            '"mean" over heads, or a head\'s number in quotes: "3"; of spatial_softmax a '
            "keypoint's. On the command line ros2 param set /act_attention attention_head \"'3'\" "
            "sets it.",
            False,
        ),
        Declared(
            "attention_query",
            "mean",
            '"mean" over all queries, one by number, or a range "0:10". Queries of '
            'cross_attention and rollout are the chunk\'s actions ("0" is the next one), those '
            "of encoder_attention the tokens.",
            False,
        ),
        Declared(
            "attention_step",
            LAST,
            'Of a policy that makes its chunk in denoising steps (SmolVLA): "last", "mean" '
            'over all of them, or a step\'s number in quotes, from 0: "5". encoder_attention '
            "and spatial_softmax are made once, before the first of them, and ACT has none: of "
            'these "last" is all there is.',
            False,
        ),
        Declared(
            "contribution_target",
            "chunk",
            'What contributions explain: "chunk", or a joint by name, alone or with a step '
            '"gripper[3]" or steps "gripper[0:10]", or "change", what is new since the last '
            "tick's chunk. A message on ~/contribution_target (std_msgs/String) sets it as "
            "well.",
            False,
        ),
        Declared(
            "contribution_targets",
            [""],
            'Further targets, as ["gripper", "shoulder_pan[0:10]"]: while a contribution is '
            "shown, each has maps of its own on ~/attention_map/<target>, where what is no "
            "letter or digit is one underscore (shoulder_pan_0_10). Each costs one more "
            "backward pass. Empty texts are none.",
            False,
        ),
        Declared(
            "contribution_baseline",
            USUAL_BASELINE,
            "What the pictures are compared with: blur, mean (the training images'), black, or "
            "running: their mean since the episode began; its first 9 pictures are compared "
            "with blur.",
            False,
            choices=CONTRIBUTION_BASELINES,
        ),
        Declared(
            "contribution_points",
            1,
            "Points on the way from the baseline, each of them one forward and one backward pass.",
            False,
            1,
            64,
        ),
        Declared(
            "contribution_cell", CELL, "Side of the cells of contribution [pixels].", False, 0, 4096
        ),
        Declared(
            "contribution_check_every",
            CHECK_EVERY,
            "On an episode's first tick and every so many after it, what takes passes of its "
            "own: how much each camera, the joint state and the environment state did, and how "
            "far the cells' sum is from the change that it should be. 0: never.",
            False,
            0,
            1000000,
        ),
        Declared(
            "contribution_means",
            "",
            "What token_contribution compares tokens with: a file that pam_ros faithfulness "
            "--save-token-means wrote. Empty: token_means.npz in the policy's folder, which "
            "the demo's has; without one their mean since the node started.",
        ),
    ),
    "What ~/explain (std_srvs/Trigger) computes": (
        Declared(
            "explain_method",
            "integrated_gradients",
            "What ~/explain computes of the newest observation, beside the ticks; it comes out on "
            "~/explanation and ~/explanation/<camera>/image. input_gradients, "
            "integrated_gradients or grad_cam.",
            False,
            choices=GRADIENT_METHODS,
        ),
        Declared(
            "explain_target",
            "chunk",
            'What ~/explain explains. "chunk": the whole chunk, along its difference from the '
            "baseline's. "
            '"shoulder_pan[3]": that joint at step 3 of the chunk, from 0.',
            False,
        ),
        Declared(
            "explain_baseline",
            USUAL_BASELINE,
            "What ~/explain compares the observation with: black, mean (the mean of the training "
            "images) or blur (the image itself, blurred).",
            False,
            choices=BASELINES,
        ),
    ),
    "How it is drawn": (
        Declared(
            "overlay_alpha", DRAWING.alpha, "Opacity [0, 1] of the strongest heat.", False, 0.0, 1.0
        ),
        Declared(
            "overlay_colormap",
            DRAWING.colormap,
            "A colour map of OpenCV, in lower case: turbo, inferno, viridis, jet, ...",
            False,
        ),
        Declared(
            "overlay_border",
            DRAWING.border,
            "Width [pixels] of the magenta border that shows the joint state's share; 0 for none.",
            False,
            0,
            100,
        ),
        Declared(
            "overlay_scale",
            DRAWING.scale,
            "What full heat means. tick: this tick's strongest cell. running: a percentile of "
            "all cells of the last ticks. uniform: a fixed multiple of the mass that uniform "
            "attention would give a cell. Each is one number for all cameras.",
            False,
            choices=SCALES,
        ),
        Declared(
            "overlay_scale_percentile",
            DRAWING.percentile,
            "Of overlay_scale running: which percentile of the cells.",
            False,
            0.1,
            100.0,
        ),
        Declared(
            "overlay_scale_window",
            DRAWING.window,
            "Of overlay_scale running: how many ticks.",
            False,
            1,
            1000,
        ),
        Declared(
            "overlay_scale_multiple",
            DRAWING.multiple,
            "Of overlay_scale uniform: the multiple.",
            False,
            1.0,
            1000.0,
        ),
    ),
}
TABLE = tuple(entry for entries in SECTIONS.values() for entry in entries)
LIVE = frozenset(entry.name for entry in TABLE if not entry.read_only)
REQUIRED = tuple(entry.name for entry in TABLE if entry.example)
