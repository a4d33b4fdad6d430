//! What a patch makes of a resource: its operations one after the other, all of them or none (RFC 7644 §3.5.2).
//! An error names the operation by its number. Operations that change nothing are no change.
//! It works on a copy of the resource; whoever holds the resource writes the outcome, or leaves it.

use super::{PatchError, PatchOp, PatchOperation, PatchVerb};
use crate::change::{Aim, Named, Verb, Writer, Written};
use crate::dialect::Said;
use crate::error::{ScimError, ScimType};
use crate::schema::ResourceType;
use serde_json::{Map, Value};

impl PatchOp {
    /// Applies the patch to what is held.
    ///
    /// # Errors
    /// Nothing of it is done: `noTarget`, `invalidPath`, `invalidFilter`, `invalidValue` or `mutability`, with the
    /// number of the operation.
    pub fn apply(&self, of: &ResourceType, before: &Map<String, Value>) -> Result<Written, ScimError> {
        let mut writer = Writer::new(of);
        let mut resource = before.clone();
        for (at, operation) in self.operations.iter().enumerate() {
            writer
                .operate(&mut resource, operation)
                .map_err(|error| error.at(format_args!("operation {} ({})", at + 1, operation.verb.as_str())))?;
        }
        writer.finish(before, resource, ScimType::Mutability)
    }

    /// Reads a patch and notes which dialects it was in; [`PatchOp::parse`] with an error that can be answered.
    ///
    /// # Errors
    /// As [`PatchOp::parse`].
    pub fn read(text: &[u8], said: &mut Said) -> Result<Self, ScimError> {
        Ok(Self::parse_noting(text, said)?)
    }
}

impl Writer<'_> {
    fn operate(
        &mut self,
        resource: &mut Map<String, Value>,
        PatchOperation { verb, path, value }: &PatchOperation,
    ) -> Result<(), ScimError> {
        let verb = match verb {
            PatchVerb::Add => Verb::Add,
            PatchVerb::Replace => Verb::Replace,
            PatchVerb::Remove => {
                let no_path = || ScimError::because(ScimType::NoTarget, "a removal needs a `path`");
                return self.remove(resource, path.as_deref().ok_or_else(no_path)?, value.clone());
            }
        };
        let no_value = || ScimError::because(ScimType::InvalidValue, "it needs a `value`");
        let value = value.clone().ok_or_else(no_value)?;
        let Some(path) = path else { return self.write_whole(resource, verb, value) };
        let mut said = std::mem::take(&mut self.said);
        let aim = self.aim(path, &mut said);
        self.said = said;
        match aim? {
            Aim::Unheld => {
                self.said.pass_over(path);
                Ok(())
            }
            Aim::Own => self.write_nested(resource, &self.of.schema.id, value, verb),
            Aim::Extension(schema) => self.write_extension(resource, schema, value, verb),
            Aim::Attribute(target) => self.write_at(resource, &target, verb, value, Named::ByPath),
        }
    }

    fn write_whole(&mut self, resource: &mut Map<String, Value>, verb: Verb, value: Value) -> Result<(), ScimError> {
        match value {
            Value::Object(object) => self.write_object(resource, object, verb),
            _ => Err(ScimError::because(ScimType::InvalidValue, "without a `path` the `value` must be an object")),
        }
    }
}

impl From<PatchError> for ScimError {
    fn from(error: PatchError) -> Self {
        let kind = match &error {
            PatchError::TooMany(_) => return Self::new(413, error.to_string()),
            PatchError::Operation { because, .. } if because.contains("removal") => ScimType::NoTarget,
            PatchError::Operation { because, .. } if because.contains("`path` is") => ScimType::InvalidPath,
            PatchError::Operation { because, .. } if because.contains("`value`") => ScimType::InvalidValue,
            PatchError::NotJson { .. } | PatchError::NoOperations | PatchError::Operation { .. } => {
                ScimType::InvalidSyntax
            }
        };
        Self::because(kind, error.to_string())
    }
}
