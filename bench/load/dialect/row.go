package dialect

import (
	"slices"

	"millrace/bench/load/socket"
)

// InARow is for contenders whose protocol has one call to a frame: it makes "frames" of Calls that are so many real ones,
// each made by frame, written at once. That is what their clients send that make as many calls in one turn.
func InARow(parts []Part, perFrame int, frame func(Part) Part) []Encoded {
	var frames []Encoded
	for group := range slices.Chunk(parts, perFrame) {
		var row Encoded
		for _, part := range group {
			framed := frame(part)
			row.IDs = append(row.IDs, len(row.Bytes)+framed.ID)
			row.Bytes = append(row.Bytes, framed.Bytes...)
		}
		frames = append(frames, row)
	}
	return frames
}

// TextFrame puts a part into a frame of its own.
func TextFrame(part Part) Part {
	head := socket.Header(socket.Text, len(part.Bytes))
	return Part{append(head, part.Bytes...), len(head) + part.ID}
}

// parts encodes a call for each value: what stands before its id, between id and value, and after the value.
func parts(texts [][]byte, before, room, between, after string) []Part {
	encoded := make([]Part, len(texts))
	for i, text := range texts {
		bytes := append([]byte(before+room+between), text...)
		encoded[i] = Part{append(bytes, after...), len(before)}
	}
	return encoded
}

// between gives what stands between a text at the front of a payload and another at its end; anything else ends the run.
func between(payload []byte, from int, front, back string) []byte {
	start, end := from+len(front), len(payload)-len(back)
	if start > end || string(payload[from:start]) != front || string(payload[end:]) != back {
		Unexpected(payload)
	}
	return payload[start:end]
}

// begins is whether a text stands there.
func begins(payload []byte, at int, text string) bool {
	return len(payload) >= at+len(text) && string(payload[at:at+len(text)]) == text
}

// zeros is room for an id where the contender reads digits by itself, or takes a text for it.
const zeros = "000000001"
