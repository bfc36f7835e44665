# SPDX-License-Identifier: Apache-2.0
"""One tick, live and replayed: the loop, and what it makes: messages, pictures, features."""
