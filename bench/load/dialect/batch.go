package dialect

import "millrace/bench/load/socket"

// Part is one call, encoded: where its id is in it.
type Part struct {
	Bytes []byte
	ID    int
}

// Join makes the frames of Calls: each part alone where perFrame is 1, else open, so many of them with separator
// between, and close.
func Join(opcode byte, parts []Part, perFrame int, open, separator, close string) []Encoded {
	if perFrame == 1 {
		open, separator, close = "", "", ""
	}
	var frames []Encoded
	for ; len(parts) > 0; parts = parts[perFrame:] {
		body, ids := []byte(open), []int{}
		for i, part := range parts[:perFrame] {
			if i > 0 {
				body = append(body, separator...)
			}
			ids = append(ids, len(body)+part.ID)
			body = append(body, part.Bytes...)
		}
		body = append(body, close...)
		head := socket.Header(opcode, len(body))
		for i := range ids {
			ids[i] += len(head)
		}
		frames = append(frames, Encoded{append(head, body...), ids})
	}
	return frames
}
