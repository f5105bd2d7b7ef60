//! YAML to a spanned tree of what a spec says; no name is looked up here.

pub(crate) mod allow;
pub(crate) mod ast;
mod constraint;
pub(crate) mod embed;
pub(crate) mod hosts;
mod include;
pub(crate) mod job;
pub(crate) mod reader;
mod repair;
mod sequence;
mod tag;
pub(crate) mod tree;
pub(crate) mod yaml;

pub(crate) use hosts::Hosts;
pub(crate) use reader::{Reader, describe, read};
