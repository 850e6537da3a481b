package dialect

// rpcWebsockets is JSON-RPC 2.0 as the client of rpc-websockets sends it.
type rpcWebsockets struct {
	Base
	subscribing bool
}

func newRPCWebsockets(base Base) Dialect { return &rpcWebsockets{Base: base} }

func (w *rpcWebsockets) Open(string) { w.Ready(1) }

func (w *rpcWebsockets) Subscribe() {
	w.subscribing = true
	w.SendText(`{"jsonrpc":"2.0","method":"rpc.on","params":["news"],"id":1}`)
}

func (w *rpcWebsockets) Calls(method string, values []Value, perFrame int) Calls {
	texts := Texts(values)
	encoded := make([]Part, len(texts))
	for i, text := range texts {
		params := string(text)
		if values[i].Bytes != nil {
			params = "[" + params + "]" // JSON-RPC has no text there
		}
		front := `{"jsonrpc":"2.0","method":"` + method + `","params":` + params + `,"id":`
		encoded[i] = Part{[]byte(front + IDRoom + "}"), len(front)}
	}
	return Calls{InARow(encoded, perFrame, TextFrame), texts}
}

func (w *rpcWebsockets) Publications(values []Value) Calls { return w.Calls("publish", values, 1) }

func (w *rpcWebsockets) Patch(frame []byte, at int, id uint32) { PatchDecimal(frame, at, id, ' ') }

func (w *rpcWebsockets) Frame(_ byte, payload []byte) {
	const news, result, last = `{"notification":"news","params":`, `{"jsonrpc":"2.0","result":`, `,"id":`
	switch {
	case begins(payload, 0, news):
		w.Listener.Item(between(payload, 0, news, "}"))
		return
	case !begins(payload, 0, result):
		Unexpected(payload)
	}
	at := len(payload) - len("}") // the id is at the end
	for at > 0 && payload[at-1] != ':' {
		at--
	}
	id, _ := Decimal(payload, at)
	value := between(payload[:at], 0, result, last)
	if w.subscribing {
		w.subscribing = false
		w.Ready(id + 1)
	} else {
		w.Answer(id, value)
	}
}
