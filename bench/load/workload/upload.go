package workload

import (
	"millrace/bench/load/dialect"
	"millrace/bench/load/socket"
)

const mebibyte = 1 << 20

// upload: a small call at a time, the next as soon as it is answered, while one upload fills the same connection. Its
// operations are MiB; its latency is that of the small calls.
func upload(r *Run) Result {
	r.Connections, r.InFlight, r.PerFrame = 1, 1, 1
	u := &uploader{caller: caller{run: r, checking: true}}
	r.openAll(1, func(int) *alone {
		u.conn, u.dialect = r.connect(u, opening("echo"))
		return &u.alone
	})
	uploads, has := u.dialect.(dialect.Uploads)
	if !has {
		socket.Fail("%s has no uploads", r.Dialect)
	}
	u.uploads = uploads
	u.prepare("echo", r.values(0, variants))
	u.fill()
	u.once(r.WarmUpMiB)
	stop := r.start()
	u.measure()
	u.once(r.MiB)
	result := stop(r.MiB)
	u.stop(true)
	r.until("the last small call", func() bool { return !u.waits() })
	return result
}

type uploader struct {
	caller
	uploads dialect.Uploads
	upload  uint32 // its id; 0 for none
	left    int    // bytes
	size    int
}

// once uploads so much, until the server has said that it has all of it.
func (u *uploader) once(mib int) {
	piece := dialect.Blob(u.run.Piece, 1).Bytes
	u.size = mib * mebibyte
	u.left = u.size
	u.upload = u.id
	u.id++
	u.uploads.StartUpload(u.upload, piece)
	u.Room()
	before := u.left
	for u.upload != 0 {
		if !u.run.loop.Run(patience, func() bool { return u.upload == 0 }) && u.left == before {
			socket.Fail("nothing of the upload was taken for %v", patience)
		}
		before = u.left
	}
}

func (u *uploader) Room() {
	for u.left > 0 && u.uploads.MayUpload() {
		u.left -= u.run.Piece
		u.uploads.SendPiece()
		if u.left == 0 {
			u.uploads.EndUpload()
		}
	}
}

func (u *uploader) Answer(id uint32, value []byte) {
	if id != u.upload {
		u.caller.Answer(id, value)
		return
	}
	u.upload = 0
	if size := u.uploads.Uploaded(value); size >= 0 && size != u.size {
		socket.Fail("%d bytes of %d were uploaded", size, u.size)
	}
}
