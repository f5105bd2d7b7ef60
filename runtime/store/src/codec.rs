//! The binary form of facts, operations and snapshots.
//!
//! A blob is a byte that names its form, then postcard. Form 1 of facts is a list of `pogo_schedule`'s fact records, form 1
//! of operations a list of times and operation records, form 1 of a snapshot that crate's snapshot. postcard writes the
//! number of a variant and the fields in their order, integers seven bits a byte; so those types only ever grow at the end
//! of an enumeration, and any other change makes another form. An unknown form or kind is refused, never passed over: what
//! is on record is a promise.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;

/// The form of everything that this pogo writes.
const FORM: u8 = 1;

/// A blob of some records.
pub(crate) fn encode<T: Serialize>(path: &Path, records: &T) -> Result<Vec<u8>, StoreError> {
    postcard::to_extend(records, vec![FORM]).map_err(|error| StoreError::Database {
        path: path.to_owned(),
        detail: format!("cannot encode: {error}"),
    })
}

/// What is in a blob. `what` names it for messages.
pub(crate) fn decode<T: DeserializeOwned>(path: &Path, what: &str, blob: &[u8]) -> Result<T, StoreError> {
    let newer = |what: String| StoreError::Newer { path: path.to_owned(), what };
    let Some((&form, records)) = blob.split_first() else {
        return Err(StoreError::corrupt(path, format!("{what} are empty")));
    };
    if form != FORM {
        return Err(newer(format!("{what} have form {form}, and this pogo knows form {FORM}")));
    }
    let (records, rest) = postcard::take_from_bytes(records).map_err(|error| match error {
        // What a variant with a higher number than any known looks like.
        postcard::Error::SerdeDeCustom => newer(format!("{what} hold a kind that this pogo does not know")),
        error => StoreError::corrupt(path, format!("{what}: {error}")),
    })?;
    if rest.is_empty() { Ok(records) } else { Err(StoreError::corrupt(path, format!("{what} are too long"))) }
}
