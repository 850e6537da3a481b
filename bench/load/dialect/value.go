package dialect

// Value is what is sent: a message of a number and a text, or bytes. Every contender gets the same ones.
type Value struct {
	N     int
	S     string
	Bytes []byte // not nil: these, and neither of the others
}

// Range is the input of a stream.
type Range struct {
	Count int
	Value
}

const letters = "abcdefghijklmnopqrstuvwxyz0123456789"

// Message is `{ n, s }`: an integer of 6 digits and so many characters. All with the same length have one size in any
// encoding.
func Message(i, length int) Value {
	text := make([]byte, length)
	for k := range text {
		text[k] = letters[(i+k)%len(letters)]
	}
	return Value{N: 100_000 + i*37%800_000, S: string(text)}
}

// Blob is bytes that no compression and no short cut makes smaller.
func Blob(size, seed int) Value {
	bytes := make([]byte, size)
	state := uint32(seed + 1)
	for i := range bytes {
		state = state*1_664_525 + 1_013_904_223
		bytes[i] = byte(state >> 24)
	}
	return Value{Bytes: bytes}
}
