//! Finds out how a file spells its characters, and hands it on as UTF-8.
//! The whole file is looked through once before it is read, so that one wrong byte late in it does not change how
//! the first rows were understood. It knows nothing of rows.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};

const CHUNK: usize = 64 * 1024;
const SAMPLE: usize = 4096;
/// Of so many letters beyond ASCII in Windows-1252, fewer than one looks like UTF-8 by chance.
const RARE: u64 = 100;

/// How a file spells its characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// UTF-16, the low byte first.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
    /// Windows-1252, what is left where nothing else fits.
    Windows1252,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16Le => "UTF-16LE",
            Self::Utf16Be => "UTF-16BE",
            Self::Windows1252 => "Windows-1252",
        })
    }
}

/// What looking through a file has shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Survey {
    pub encoding: Encoding,
    /// Bytes before the first character.
    pub mark: u64,
    /// Bytes in all.
    pub length: u64,
    /// Line ends, as an estimate of the rows.
    pub lines: u64,
}

/// A file, or bytes in memory.
pub(super) trait Source: Read + Seek + Send {}
impl<T: Read + Seek + Send> Source for T {}

/// Looks through the whole source.
pub(super) fn survey(source: &mut dyn Source) -> io::Result<Survey> {
    source.seek(SeekFrom::Start(0))?;
    let mut buffer = vec![0; CHUNK];
    let mut head = Vec::new();
    let mut text = Utf8Check::default();
    let (mut length, mut lines) = (0u64, 0u64);
    loop {
        let read = read_some(source, &mut buffer)?;
        if read == 0 {
            break;
        }
        let chunk = &buffer[..read];
        if head.len() < SAMPLE {
            head.extend_from_slice(&chunk[..read.min(SAMPLE - head.len())]);
        }
        length += read as u64;
        lines += chunk.iter().filter(|byte| **byte == b'\n').count() as u64;
        text.take(chunk);
    }
    text.finish();
    let (encoding, mark) = match head.as_slice() {
        [0xEF, 0xBB, 0xBF, ..] => (Encoding::Utf8, 3),
        [0xFF, 0xFE, ..] => (Encoding::Utf16Le, 2),
        [0xFE, 0xFF, ..] => (Encoding::Utf16Be, 2),
        head => (without_mark(head, &text), 0),
    };
    Ok(Survey { encoding, mark, length, lines })
}

fn without_mark(head: &[u8], text: &Utf8Check) -> Encoding {
    let zeros = |parity: usize| head.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let half = head.len() / 2;
    // Mostly Latin text in UTF-16 has a zero in every second byte.
    if half > 0 && odd * 10 >= half * 6 && even * 10 < half {
        return Encoding::Utf16Le;
    }
    if half > 0 && even * 10 >= half * 6 && odd * 10 < half {
        return Encoding::Utf16Be;
    }
    // A UTF-8 file with rows of another kind is still UTF-8: its other characters prove it, for in Windows-1252 theirs stand
    // side by side in no name. Read otherwise, people would be renamed; like this, the rows that do not fit are told.
    if text.wrong == 0 || text.right * RARE > text.wrong { Encoding::Utf8 } else { Encoding::Windows1252 }
}

/// Counts the characters beyond ASCII that are right UTF-8, and the bytes that are not.
#[derive(Default)]
struct Utf8Check {
    right: u64,
    wrong: u64,
    rest: Vec<u8>,
}

impl Utf8Check {
    fn take(&mut self, chunk: &[u8]) {
        if self.rest.is_empty() && chunk.is_ascii() {
            return;
        }
        let joined;
        let mut bytes = chunk;
        if !self.rest.is_empty() {
            joined = [std::mem::take(&mut self.rest).as_slice(), chunk].concat();
            bytes = &joined;
        }
        loop {
            let (valid, wrong) = match std::str::from_utf8(bytes) {
                Ok(_) => (bytes.len(), None),
                Err(error) => (error.valid_up_to(), Some(error.error_len())),
            };
            self.right += bytes[..valid].iter().filter(|byte| **byte >= 0xC2).count() as u64;
            match wrong {
                None => return,
                Some(None) => {
                    self.rest = bytes[valid..].to_vec();
                    return;
                }
                Some(Some(length)) => {
                    self.wrong += 1;
                    bytes = &bytes[valid + length..];
                }
            }
        }
    }

    fn finish(&mut self) {
        if !std::mem::take(&mut self.rest).is_empty() {
            self.wrong += 1;
        }
    }
}

/// The source as UTF-8, from its first character on. A UTF-8 source comes through as it is, damage included.
pub(super) struct Utf8Stream {
    source: Box<dyn Source>,
    decoder: Option<encoding_rs::Decoder>,
    raw: Vec<u8>,
    /// Bytes that were read, mark included.
    pub consumed: u64,
    ended: bool,
}

impl Utf8Stream {
    pub fn new(mut source: Box<dyn Source>, survey: &Survey) -> io::Result<Self> {
        source.seek(SeekFrom::Start(survey.mark))?;
        let decoder = match survey.encoding {
            Encoding::Utf8 => None,
            Encoding::Utf16Le => Some(encoding_rs::UTF_16LE.new_decoder_without_bom_handling()),
            Encoding::Utf16Be => Some(encoding_rs::UTF_16BE.new_decoder_without_bom_handling()),
            Encoding::Windows1252 => Some(encoding_rs::WINDOWS_1252.new_decoder_without_bom_handling()),
        };
        let raw = if decoder.is_some() { vec![0; CHUNK] } else { Vec::new() };
        Ok(Self { source, decoder, raw, consumed: survey.mark, ended: false })
    }

    /// Appends some more text to `out`; tells whether there was any.
    pub fn more(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        let before = out.len();
        while out.len() == before && !self.ended {
            self.step(out)?;
        }
        Ok(out.len() > before)
    }

    fn step(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        let before = out.len();
        let Some(decoder) = &mut self.decoder else {
            out.resize(before + CHUNK, 0);
            let read = read_some(&mut *self.source, &mut out[before..]);
            out.truncate(before + *read.as_ref().unwrap_or(&0));
            self.ended = read? == 0;
            self.consumed += (out.len() - before) as u64;
            return Ok(());
        };
        let read = read_some(&mut *self.source, &mut self.raw)?;
        self.consumed += read as u64;
        self.ended = read == 0;
        let room = decoder.max_utf8_buffer_length(read).unwrap_or(read * 3 + 16);
        out.resize(before + room, 0);
        let (_, _, written, _) = decoder.decode_to_utf8(&self.raw[..read], &mut out[before..], self.ended);
        out.truncate(before + written);
        Ok(())
    }
}

fn read_some(source: &mut dyn Source, buffer: &mut [u8]) -> io::Result<usize> {
    for _ in 0..16 {
        match source.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
    source.read(buffer)
}
