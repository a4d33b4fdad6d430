//! Objects without a path: the body of a creation or replacement, and the value of an operation that has no path.
//! Each key is read as a path: clients send `name.givenName`, `urn:…:User:department` and `emails[type eq "work"].value`.
//! What only the server sets is passed over here, for clients send back what they were given.

use super::aim::Aim;
use super::{Verb, Writer, put};
use crate::dialect::{Dialect, Said};
use crate::error::{ScimError, ScimType};
use crate::schema::{Mutability, Place, Schema};
use crate::words::get;
use serde_json::{Map, Value};

/// How an attribute was named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Named {
    /// By the path of an operation, on purpose.
    ByPath,
    /// By a key among others, perhaps only sent back.
    ByKey,
}

impl Writer<'_> {
    /// Writes each key of an object.
    pub(crate) fn write_object(
        &mut self,
        resource: &mut Map<String, Value>,
        object: Map<String, Value>,
        verb: Verb,
    ) -> Result<(), ScimError> {
        for (key, value) in object {
            self.write_key(resource, &key, value, verb)?;
        }
        Ok(())
    }

    fn write_key(
        &mut self,
        resource: &mut Map<String, Value>,
        key: &str,
        value: Value,
        verb: Verb,
    ) -> Result<(), ScimError> {
        let mut said = Said::default();
        let aim = match self.aim(key, &mut said) {
            Ok(aim) => aim,
            // A key that is no path is a name that we do not know; brackets around nonsense are an error.
            Err(_) if !key.contains('[') => Aim::Unheld,
            Err(error) => return Err(error),
        };
        match aim {
            Aim::Unheld => {
                self.said.pass_over(key);
                Ok(())
            }
            Aim::Own => {
                self.said.extend(said);
                self.write_nested(resource, key, value, verb)
            }
            Aim::Extension(schema) => {
                self.said.extend(said);
                self.write_extension(resource, schema, value, verb)
            }
            Aim::Attribute(target) => {
                self.said.extend(said);
                if target.place.attribute.name == "id" {
                    return self.compare_id(resource, &value);
                }
                self.note_key(key, target.among.is_some());
                self.write_at(resource, &target, verb, value, Named::ByKey)
            }
        }
    }

    fn note_key(&mut self, key: &str, is_value_path: bool) {
        if is_value_path {
            self.note(Dialect::ValuePathKey);
        } else if key.contains(':') {
            self.note(Dialect::UrnKey);
        } else if key.contains('.') {
            self.note(Dialect::DottedKey);
        }
    }

    /// Writes all of an extension.
    pub(crate) fn write_extension(
        &mut self,
        resource: &mut Map<String, Value>,
        schema: &Schema,
        value: Value,
        verb: Verb,
    ) -> Result<(), ScimError> {
        if value.is_null() {
            if verb == Verb::Replace {
                clear_extension(resource, schema);
            }
            return Ok(());
        }
        self.write_nested(resource, &schema.id, value, verb)
    }

    /// Writes an object whose keys are attributes of the schema named by a URN.
    pub(crate) fn write_nested(
        &mut self,
        resource: &mut Map<String, Value>,
        urn: &str,
        value: Value,
        verb: Verb,
    ) -> Result<(), ScimError> {
        let Value::Object(object) = value else {
            return Err(ScimError::because(ScimType::InvalidValue, format!("`{urn}`: expected an object")));
        };
        for (name, value) in object {
            let key = format!("{urn}:{name}");
            let mut said = Said::default();
            match self.aim(&key, &mut said) {
                Ok(Aim::Attribute(target)) => {
                    self.said.extend(said);
                    self.write_at(resource, &target, verb, value, Named::ByKey)?;
                }
                _ => self.said.pass_over(&key),
            }
        }
        Ok(())
    }

    /// Lets a client say the id that the resource has, and no other; one that is still to be made has none.
    pub(crate) fn compare_id(&mut self, resource: &Map<String, Value>, value: &Value) -> Result<(), ScimError> {
        self.note(Dialect::IdSent);
        match get(resource, "id") {
            Some(id) if !value.is_null() && id != value => {
                Err(ScimError::because(ScimType::Mutability, "`id` is not the id of this resource"))
            }
            _ => Ok(()),
        }
    }
}

/// Takes away what clients set of an extension.
pub(crate) fn clear_extension(resource: &mut Map<String, Value>, schema: &Schema) {
    let theirs = schema.attributes.iter().filter(|attribute| attribute.mutability != Mutability::ReadOnly);
    theirs.for_each(|attribute| put(resource, Place::of(Some(schema), attribute), Value::Null));
}
