//! What else a namespace holds that tells of its pods, found by the object that it is about: a network of a thousand pods
//! has many thousand events, and each pod looks only at its own.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::{Event, PersistentVolumeClaim};

/// Events and volume claims of a namespace.
#[derive(Debug, Default)]
pub struct Around<'a> {
    /// By the name of what they are about, whatever its kind.
    events: HashMap<&'a str, Vec<&'a Event>>,
    claims: HashMap<&'a str, &'a PersistentVolumeClaim>,
}

impl<'a> Around<'a> {
    /// All events and claims of the namespace; what is about nothing is left out.
    pub fn new(
        events: impl IntoIterator<Item = &'a Event>,
        claims: impl IntoIterator<Item = &'a PersistentVolumeClaim>,
    ) -> Self {
        let mut around = Self::default();
        for event in events {
            if let Some(name) = event.involved_object.name.as_deref() {
                around.events.entry(name).or_default().push(event);
            }
        }
        let named =
            |claim: &'a PersistentVolumeClaim| Some((claim.metadata.name.as_deref()?, claim));
        around.claims = claims.into_iter().filter_map(named).collect();
        around
    }

    /// Those about objects of this name.
    pub(super) fn events(&self, name: &str) -> &[&'a Event] {
        self.events.get(name).map_or(&[], Vec::as_slice)
    }

    pub(super) fn claim(&self, name: &str) -> Option<&'a PersistentVolumeClaim> {
        self.claims.get(name).copied()
    }
}
