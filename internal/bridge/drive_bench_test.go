package bridge

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"github.com/jlaffaye/ftp"
)

// BenchmarkUpload brings 64 MiB to a printer on this machine, by turns through the
// drive and by a plain FTPS client that checks nothing. It reports the ratio of the
// drive's rate to the plain client's.
func BenchmarkUpload(b *testing.B) {
	f := newFTPD(b)
	f.stor = func(path string, data io.Reader) string {
		n, err := io.Copy(io.Discard, data)
		if err != nil {
			return "426 Failure reading network stream."
		}
		f.keep(path, make([]byte, n))
		return "226 Transfer complete."
	}
	d, content := f.drive(), make([]byte, 64<<20)
	var ours, theirs time.Duration
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		start := time.Now()
		if err := d.Carry(b.Context(), loadOf("/cache/a.3mf", content), quiet); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(start)
		b.StopTimer()
		start = time.Now()
		if err := plainUpload(f.l.Addr().String(), d.Trust.TLS(nil), content); err != nil {
			b.Fatal(err)
		}
		theirs += time.Since(start)
		b.StartTimer()
	}
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "ratio")
}

func plainUpload(address string, secure *tls.Config, content []byte) error {
	c, err := ftp.Dial(address, ftp.DialWithTLS(secure), ftp.DialWithDialer(net.Dialer{}), ftp.DialWithDisabledEPSV(true))
	if err != nil {
		return err
	}
	if err := c.Login("bblp", "12345678"); err != nil {
		return err
	}
	if err := c.Stor("/cache/b.3mf", bytes.NewReader(content)); err != nil {
		return err
	}
	return c.Quit()
}
