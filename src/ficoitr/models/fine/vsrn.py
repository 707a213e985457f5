"""Training of VSRN: ranking, and captioning the images of the batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from ficoitr.models.fine.recipe import TripletConfig, TripletRecipe
from ficoitr.models.fine.vsrn_captions import CaptionBranch
from ficoitr.models.fine.vsrn_networks import VSRNNetwork
from ficoitr.models.training import Batch, TrainingConfig
from ficoitr.models.training.clipping import gradient_norm


class VSRNConfig(TripletConfig):
    """What VSRN learns and how; the defaults are those of its published code for Flickr30K.

    Attributes
    ----------
    variant : {"flickr30k", "coco"}
        Of the two forms that the published code has, by dataset: batch normalisation of the images' embeddings, or
        regions normalised before reasoning; see ``ImageEncoder``.
    width : int
        Of the embeddings.
    word_width : int
        Of the vectors of words.
    caption_weight : float
        Of the captioning loss; 0 leaves the branch out.
    caption_hidden, caption_word_width : int
        Of the states and the vectors of words of the captioning branch.
    caption_dropout : float
    caption_longest : int
        Longer captions are cut for captioning (not for ranking), to so many tokens.
    caption_steps : {2, 1}
        Steps of Adam that the captioning branch takes where the networks take one. 2 is what the published code comes
        to, see `VSRNRecipe`; 1 is what it means to do.
    margin : float
        m of the triplet loss.
    hardest_negatives : bool
        Whether only the hardest negative of each query counts, or the sum over all.
    warmup_epochs : int
        First epochs, in which the sum over all negatives counts in any case.
    same_image_negatives : bool
        Whether another text of the same image counts as a negative, as in the published code.
    learning_rate : float
        Of Adam.
    decay : float
    decay_every : int
        The learning rate is multiplied by ``decay`` every so many epochs.
    clip_norm : float
        Most that the norm of all gradients together may be.
    training : TrainingConfig
    """

    decay_every: int = Field(default=10, ge=1)
    variant: Literal["flickr30k", "coco"] = "flickr30k"
    width: int = Field(default=2048, ge=1)
    word_width: int = Field(default=300, ge=1)
    caption_weight: float = Field(default=1.0, ge=0)
    caption_hidden: int = Field(default=512, ge=1)
    caption_word_width: int = Field(default=300, ge=1)
    caption_dropout: float = Field(default=0.2, ge=0, lt=1)
    caption_longest: int = Field(default=60, ge=2)
    caption_steps: Literal[1, 2] = 2
    training: TrainingConfig = TrainingConfig(epochs=30, batch_size=128)

    def network(self, image_width: int, n_words: int) -> VSRNNetwork:
        """Build the networks for regions of this width and a vocabulary of so many words."""
        return VSRNNetwork(image_width, n_words, width=self.width, word_width=self.word_width, variant=self.variant)

    def caption_branch(self, width: int, n_words: int) -> CaptionBranch:
        """Build the branch that captions, for regions of this width and a vocabulary of so many words."""
        return CaptionBranch(
            width,
            n_words,
            hidden=self.caption_hidden,
            word_width=self.caption_word_width,
            dropout=self.caption_dropout,
            longest=self.caption_longest,
        )


class VSRNRecipe(TripletRecipe):
    """Training of VSRN: L = L_triplet + w L_caption.

    Parameters
    ----------
    network : VSRNNetwork
        On the device it is trained on.
    config : VSRNConfig

    Attributes
    ----------
    captions : CaptionBranch or None
        Begins anew with every recipe, as in the published code, which does not save it.

    Notes
    -----
    Li et al., "Visual Semantic Reasoning for Image-Text Matching", ICCV 2019, and its published code, which lists the
    parameters of the captioning branch twice, for its optimiser and for what is clipped. Therefore, as here by default
    (``caption_steps``),

    - the norm N of all gradients together counts those of the branch twice: N² = ‖∇networks‖² + 2 ‖∇branch‖²,
    - where N is above the bound, the gradients of the branch are scaled by bound / N twice,
    - Adam steps the branch twice by the same gradient.
    """

    network: VSRNNetwork
    config: VSRNConfig

    def __init__(self, network: VSRNNetwork, config: VSRNConfig) -> None:
        super().__init__(network, config)
        self.captions: CaptionBranch | None = None
        self.caption_optimiser: torch.optim.Optimizer | None = None
        if config.caption_weight:
            device = next(network.parameters()).device
            self.captions = config.caption_branch(network.image.fc.out_features, network.widths[1]).to(device)
            self.caption_optimiser = torch.optim.Adam(self.captions.parameters(), lr=config.learning_rate, fused=True)

    @property
    def _optimisers(self) -> list[torch.optim.Optimizer]:
        return [one for one in (self.optimiser, self.caption_optimiser) if one is not None]

    def start_epoch(self, epoch: int) -> None:
        """Set the learning rate."""
        super().start_epoch(epoch)
        for optimiser in self._optimisers[1:]:
            for group in optimiser.param_groups:
                group["lr"] = self.optimiser.param_groups[0]["lr"]

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Compute the losses by name, and their weighted sum as ``"loss"``.

        Parameters
        ----------
        batch : Batch
            ``images`` are regions, ``texts`` `Tokens`.
        """
        images, regions = self.network.encode_regions(batch.images)
        texts = self.network.encode_texts(batch.texts)
        with torch.autocast(batch.images.device.type, enabled=False):
            triplet = self.triplet_loss(self.network.score(images, texts), batch)
        if self.captions is None:
            return {"loss": triplet}
        caption = self.captions.loss(regions, batch.texts)
        return {"loss": triplet + self.config.caption_weight * caption, "triplet": triplet, "caption": caption}

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Take one step of the networks, and ``caption_steps`` of the captioning branch."""
        parts: list[tuple[torch.nn.Module, torch.optim.Optimizer, int]] = [(self.network, self.optimiser, 1)]
        if self.captions is not None and self.caption_optimiser is not None:
            parts.append((self.captions, self.caption_optimiser, self.config.caption_steps))
        for part, optimiser, _ in parts:
            part.train()
            optimiser.zero_grad()
        losses = self.losses(batch)
        torch.autograd.backward(losses["loss"])
        squares = [times * gradient_norm(list(part.parameters())).square() for part, _, times in parts]
        norm = torch.stack(squares).sum().sqrt()
        share = (self.config.clip_norm / norm).clamp(max=1)
        for part, optimiser, times in parts:
            for parameter in part.parameters():
                if parameter.grad is not None:
                    parameter.grad *= share**times
            for _ in range(times):
                optimiser.step()
        return {**losses, "gradient_norm": norm}

    def state_dict(self) -> dict[str, Any]:
        """Return the weights, the captioning branch, the moments of both and the epoch."""
        state = super().state_dict()
        if self.captions is not None and self.caption_optimiser is not None:
            state |= {"captions": self.captions.state_dict(), "caption_optimiser": self.caption_optimiser.state_dict()}
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        super().load_state_dict(state)
        if self.captions is not None and self.caption_optimiser is not None:
            self.captions.load_state_dict(state["captions"])
            self.caption_optimiser.load_state_dict(state["caption_optimiser"])
