// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Words shared by the Oracle, the models, their clients and the network.
/// @dev Values are part of the wire format: append, never reorder.
library DataTypes {
    /// Where a job's input lies. For anything but `OnChain`, `input` is `abi.encode(string location)`.
    enum InputDataLocationType {
        Arweave,
        TheGraph,
        OnChain,
        IPFS,
        HTTPS
    }

    /// Where a job's output goes. For anything but `OnChain`, the callback data is `abi.encode(string location)`.
    enum OutputDataLocationType {
        Arweave,
        TheGraph,
        OnChain,
        IPFS
    }

    /// `NFTMeta`: the output is wrapped in ERC-721 metadata JSON (name, description, external_url, image).
    enum OutputDataFormat {
        Raw,
        NFTMeta
    }

    /// The task that a model performs.
    enum ModelCategory {
        TextConditionalImageGeneration,
        UnconditionalImageGeneration,
        PromptConditionedTextGeneration,
        RLAgent,
        TextImageJointEmbedding,
        ImageToText,
        TensorInference,
        AudioClassification,
        TextClassification,
        FeatureExtraction,
        ImageClassification,
        SpeechRecognition
    }
}
