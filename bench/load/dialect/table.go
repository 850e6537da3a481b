package dialect

// Table has every dialect under the name that contenders.mjs gives.
var Table = map[string]Language{
	"Echo":       {New: newEcho, Bare: true},
	"JsonRpc":    {New: newJSONRPC},
	"MsgpackRpc": {New: newMsgpackRPC},
	"Publish":    {New: newPublish},
	"Millrace":   {New: newMillrace, Headers: []string{"Sec-WebSocket-Protocol: millrace.1"}},

	"CapnWeb":       {New: newCapnWeb},
	"Centrifuge":    {New: newCentrifuge},
	"ORPC":          {New: newORPC},
	"RPCWebsockets": {New: newRPCWebsockets},
	"SocketIO":      {New: newSocketIO, Path: "/socket.io/?EIO=4&transport=websocket"},
	"TRPC":          {New: newTRPC},
}
