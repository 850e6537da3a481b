// Package dialect has the languages of the contenders, one file each. A dialect greets, encodes calls once so that they
// can be sent again with other ids, and finds the answers in what it receives. It knows nothing of workloads, and shares
// no code with Millrace.
//
// To add one: write a file with a type that embeds [Base] and has the methods of [Dialect], and those of [Streams],
// [Uploads] or [Channels] where its contender has them; then add it to [Table] under the name that
// contenders.mjs gives. A value is a slice of the frame at hand, never a copy, and nothing is parsed that need not be:
//
//   - Ids have a fixed place and width in an encoded call. In binary that is four bytes; in JSON a number with room for
//     [Digits] characters, written by [PatchDecimal]: with spaces in front, which JSON allows before any number, or with
//     zeros where the contender reads digits by itself. [Decimal] reads the id of an answer, however wide.
//   - All values of a batch have the same size in any encoding, so the end of an answer follows from where it
//     begins; [ValueEnd] finds the end of a JSON value where that is not enough.
//   - What must come back byte for byte is told in advance ([Calls.Expected]), as the contender encodes it.
//
// What is wrong ends the run at once with [socket.Fail], which says it in the table.
package dialect

import "millrace/bench/load/socket"

// Listener is a workload, told what a dialect has found. Slices are its own until it returns.
type Listener interface {
	// Ready: the greeting is over; calls may have ids from here on, each one more than the last. Those before have been
	// used: a first id above 1 says that Open has made a call of its own, and it was answered.
	Ready(firstID uint32)
	// Answer to a call: where its value lies.
	Answer(id uint32, value []byte)
	// Item of a stream, or of a channel.
	Item(value []byte)
	// End of a stream.
	End()
	// Room: more of an upload may be sent, if MayUpload says so too.
	Room()
}

// Dialect is a contender's language on one connection.
type Dialect interface {
	// Open does what comes before the first call of a method ("echo", "bytes"; "" for none) on a new WebSocket, in as many
	// round trips as it takes, and ends in Ready.
	Open(method string)
	// Frame reads one whole frame; the opcode is socket.Text or socket.Binary.
	Frame(opcode byte, payload []byte)
	// Calls encodes a call for each value, perFrame of them in a frame. Asked after Ready.
	Calls(method string, values []Value, perFrame int) Calls
	// Patch writes the id of a call into an encoded frame, at a place that Calls told.
	Patch(frame []byte, at int, id uint32)
	// Turn is called after all frames of one read: the time to acknowledge what has come. Base has one that does nothing.
	Turn()
}

// Calls that are encoded.
type Calls struct {
	Frames []Encoded
	// Expected is what each answer's value must be, in the order of the values.
	Expected [][]byte
}

// Encoded is a whole frame, header included (or several in a row: what is written at once), and where the ids of its
// calls are.
type Encoded struct {
	Bytes []byte
	IDs   []int
}

// Streams is had by dialects whose contender serves items.
type Streams interface {
	// Stream asks for items: r.Count of them, the first with r.Value.N, each with one more.
	Stream(id uint32, r Range)
	// Item is what an item with this value must be.
	Item(v Value) []byte
}

// Uploads is had by dialects whose contender takes an upload in pieces. The answer to id is the end of it.
type Uploads interface {
	StartUpload(id uint32, piece []byte)
	// MayUpload is whether a piece may be sent now.
	MayUpload() bool
	SendPiece()
	EndUpload()
	// Uploaded is the size that the answer tells; -1 where the contender tells none.
	Uploaded(answer []byte) int
}

// Channels is had by dialects whose contender publishes to subscribers; there is one channel.
type Channels interface {
	// Subscribe ends in Ready, as Open does, in whose place it is called.
	Subscribe()
	// Publications encodes one frame for each value, with ids where the contender wants them (Patch writes them). Each
	// subscriber hears of them as items, in their order, as Expected tells.
	Publications(values []Value) Calls
}

// Publishing is had by dialects whose publisher has something to find out first. It ends in Ready, as Open does, in whose place it
// is called.
type Publishing interface {
	OpenPublishing()
}

// Base is what every dialect embeds.
type Base struct {
	*socket.Conn
	Listener
}

// Send sends one frame.
func (b *Base) Send(opcode byte, payload []byte) { b.Write(socket.Frame(opcode, payload)) }

// SendText sends one text frame.
func (b *Base) SendText(text string) { b.Send(socket.Text, []byte(text)) }

// Turn is here for dialects that have nothing to send then.
func (b *Base) Turn() {}

// Language is how a dialect begins.
type Language struct {
	New func(Base) Dialect
	// Path and Headers of the upgrade, such as "Sec-WebSocket-Protocol: name"; a path of "" is "/".
	Path    string
	Headers []string
	// Bare has no calls: the upgrade alone is its handshake.
	Bare bool
}

// Unexpected ends the run because of a frame that a dialect does not know.
func Unexpected(payload []byte) {
	socket.Fail("not expected: %.200q", payload)
}
