package dialect

import (
	"encoding/json"
	"testing"
)

func TestPatchDecimalKeepsItsPlace(t *testing.T) {
	for _, pad := range []byte{' ', '0'} {
		for _, id := range []uint32{0, 1, 9, 10, 999_999_999, 7, 123_456} { // wide ones before narrow ones too
			text := []byte("[1," + IDRoom + ",2]")
			PatchDecimal(text, 3, 999_999_999, pad)
			PatchDecimal(text, 3, id, pad)
			end := 3 + Digits
			if string(text[:3]) != "[1," || string(text[end:]) != ",2]" {
				t.Fatalf("%q: written beyond its place", text)
			}
			at := 3
			for text[at] == ' ' {
				at++
			}
			if got, stop := Decimal(text, at); got != id || stop != end {
				t.Fatalf("%q: read %d up to %d", text, got, stop)
			}
			var parsed []uint32
			if err := json.Unmarshal(text, &parsed); pad == ' ' && (err != nil || parsed[1] != id) {
				t.Fatalf("%q is no JSON with %d: %v", text, id, err)
			}
		}
	}
}

func TestValueEnd(t *testing.T) {
	for _, value := range []string{
		`1`, `-1.5e3`, `true`, `null`, `""`, `"a"`, `"]},"`, `"\""`, `"\\"`, `[]`, `{}`, `[[1],[2]]`,
		`{"a":"}","b":[{"c":"\\\""}]}`,
	} {
		for _, after := range []string{"]", "}", ",1]", ""} {
			text := []byte("[" + value + after)
			if end := ValueEnd(text, 1); string(text[1:end]) != value {
				t.Errorf("%s: the value is not %q", text, text[1:end])
			}
		}
	}
}
