package dialect

import (
	"encoding/base64"
	"encoding/json"
)

// Digits is the room that a patched id has in JSON.
const Digits = 9

// IDRoom is put into an encoded call where its id belongs: a number, until PatchDecimal writes another.
const IDRoom = "        1"

// PatchDecimal writes an id right-aligned into Digits characters, with pad in front.
func PatchDecimal(bytes []byte, at int, id uint32, pad byte) {
	digits := bytes[at : at+Digits]
	i := Digits - 1
	for ; id > 0 || i == Digits-1; i-- {
		digits[i] = '0' + byte(id%10)
		id /= 10
	}
	for ; i >= 0; i-- {
		digits[i] = pad
	}
}

// Decimal reads a number, and where it ends.
func Decimal(bytes []byte, at int) (number uint32, end int) {
	for ; at < len(bytes) && bytes[at]-'0' <= 9; at++ {
		number = number*10 + uint32(bytes[at]-'0')
	}
	return number, at
}

// ValueEnd is where the JSON value that begins at ends.
func ValueEnd(bytes []byte, at int) int {
	depth := 0
	for i := at; i < len(bytes); i++ {
		switch bytes[i] {
		case '"':
			for i++; i < len(bytes) && bytes[i] != '"'; i++ {
				if bytes[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				return i + 1
			} else if depth < 0 {
				return i // a number or a word, and the end of what holds it
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return len(bytes)
}

// JSON is a value as text: `{"n":1,"s":"x"}`, or its bytes as base64.
func JSON(v Value) []byte {
	if v.Bytes != nil {
		return []byte(`"` + base64.StdEncoding.EncodeToString(v.Bytes) + `"`)
	}
	return marshal(struct {
		N int    `json:"n"`
		S string `json:"s"`
	}{v.N, v.S})
}

// JSONRange is the input of a stream: `{"count":1,"n":1,"s":"x"}`.
func JSONRange(r Range) []byte {
	return marshal(struct {
		Count int    `json:"count"`
		N     int    `json:"n"`
		S     string `json:"s"`
	}{r.Count, r.N, r.S})
}

func marshal(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // none of the above can fail
	}
	return text
}

// Texts encodes each value.
func Texts(values []Value) [][]byte {
	return each(values, JSON)
}

func each(values []Value, encode func(Value) []byte) [][]byte {
	encoded := make([][]byte, len(values))
	for i, value := range values {
		encoded[i] = encode(value)
	}
	return encoded
}
