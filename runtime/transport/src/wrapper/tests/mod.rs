//! The scripts under real shells, and under real login shells and sudo.

mod attempts;
mod drive;
mod ends;
mod login;
mod lost;
mod output;
mod second;
