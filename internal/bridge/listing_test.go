package bridge

import (
	"io"
	"testing"
)

// Whatever a printer lists, names that leave its folder or would mislead who reads
// them never come through, and sizes are no less than nothing.
func FuzzListing(f *testing.F) {
	const film = "-rwx------    1 0        0               1 Oct 21 2020 a.mp4\r\n"
	for _, lines := range []string{
		film, "drwxr-xr-x 2 root root 4096 Jan 1 00:00 ..\r\n",
		"-rw-rw-rw- 1 root root -5 Feb 30 25:61 ../../etc/passwd\n", "total 9\r\n\r\n", "type=file;size=99999999999999999999; a\r\n",
		"11-29-26  03:04PM       <DIR>          a\x1b[2J\r\n",
	} {
		f.Add(lines)
	}
	d := newFTPD(f)
	lines := make(chan string, 1)
	d.listing = func(w io.Writer) { _, _ = io.WriteString(w, <-lines) }
	drive := d.drive()
	f.Fuzz(func(t *testing.T, text string) {
		lines <- text
		list, err := drive.List(t.Context(), "/timelapse")
		select {
		case <-lines: // nobody got as far as that
		default:
		}
		if text == film && len(list) != 1 {
			t.Errorf("the film is listed as %v, %v", list, err)
		}
		for _, e := range list {
			if err != nil || !goodName(e.Name) || e.Path != "/timelapse/"+e.Name || e.SizeBytes < 0 {
				t.Errorf("%q lists %+v, %v", text, e, err)
			}
		}
	})
}
