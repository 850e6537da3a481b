// What `@msgpack/msgpack` takes from the platform for long strings, and k6 does not have.

class TextEncoder {
  encodeInto(text, into) {
    const escaped = encodeURIComponent(text);
    let written = 0;
    for (let i = 0; i < escaped.length; i++) {
      const isEscape = escaped[i] === "%";
      into[written++] = isEscape ? parseInt(escaped.slice(i + 1, i + 3), 16) : escaped.charCodeAt(i);
      if (isEscape) i += 2;
    }
    return { read: text.length, written };
  }
}

class TextDecoder {
  decode(bytes) {
    let escaped = "";
    for (const byte of bytes) escaped += `%${byte.toString(16).padStart(2, "0")}`;
    return decodeURIComponent(escaped);
  }
}

if (globalThis.TextEncoder === undefined) globalThis.TextEncoder = TextEncoder;
if (globalThis.TextDecoder === undefined) globalThis.TextDecoder = TextDecoder;
