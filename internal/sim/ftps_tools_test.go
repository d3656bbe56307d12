package sim

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jlaffaye/ftp"

	"github.com/grovecloud/grove/printfile/sample"
)

// curl, lftp and the Go client that the bridge uses take the simulator for a printer.

func TestCurlUploadsListsAndDownloads(t *testing.T) {
	t.Parallel()
	for _, model := range []string{"X1C", "P1S", "A1", "P2S", "H2D"} {
		t.Run(model, func(t *testing.T) {
			t.Parallel()
			b, dir := fileServer(t, model, Card{}), t.TempDir()
			content := sample.ThreeMF(sample.Size(1 << 20))
			name := filepath.Join(dir, "cube 1.gcode.3mf")
			must(t, os.WriteFile(name, content, 0o600))
			curl := func(args ...string) string {
				t.Helper()
				return succeeds(t, "curl", append([]string{"--silent", "--show-error", "--insecure", "--user", "bblp:" + testCode}, args...)...)
			}
			at := "ftps://" + ftpAddress(b.Printer)
			curl("--upload-file", name, at+"/cache/")
			if got := curl(at + "/cache/"); !strings.Contains(got, fmt.Sprintf("%d ", len(content))) || !strings.Contains(got, " cube 1.gcode.3mf") {
				t.Errorf("list %q", got)
			}
			if got := curl(at + "/cache/cube%201.gcode.3mf"); got != string(content) {
				t.Errorf("%d bytes came back", len(got))
			}
			if got := curl("--head", at+"/cache/cube%201.gcode.3mf"); !strings.Contains(got, fmt.Sprintf("Content-Length: %d", len(content))) {
				t.Errorf("head %q", got)
			}
			curl("--quote", "-DELE /cache/cube 1.gcode.3mf", "--list-only", at+"/cache/")
			if b.storage.isFile("/cache/cube 1.gcode.3mf") {
				t.Error("not deleted")
			}
		})
	}
}

func TestLftpUploadsListsAndDownloads(t *testing.T) {
	t.Parallel()
	for _, model := range []string{"X1C", "P1S", "A1", "P2S", "H2D"} {
		t.Run(model, func(t *testing.T) {
			t.Parallel()
			b, dir := fileServer(t, model, Card{}), t.TempDir()
			content := bytes.Repeat([]byte("0123456789"), 50_000)
			must(t, os.WriteFile(filepath.Join(dir, "cube.3mf"), content, 0o600))
			out := succeeds(t, "lftp", "--norc", "-c", fmt.Sprintf(`set ssl:verify-certificate no; set net:max-retries 1; set net:timeout 20; set cmd:fail-exit yes
				open -u bblp,%s ftps://%s
				lcd %s
				cd /cache
				put cube.3mf
				cls -l
				get cube.3mf -o back.3mf
				put cube.3mf -o gone.3mf
				rm gone.3mf
				mkdir deeper
				cls -1`, testCode, ftpAddress(b.Printer), dir))
			if !strings.Contains(out, "500000") || !strings.HasSuffix(out, "cube.3mf\ndeeper/\n") {
				t.Errorf("lists %q", out)
			}
			back, err := os.ReadFile(filepath.Join(dir, "back.3mf"))
			must(t, err)
			if !bytes.Equal(back, content) {
				t.Errorf("%d bytes came back", len(back))
			}
		})
	}
}

func TestTheGoClientWorksWithSessionsAndOnlyThen(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("0123456789"), 30_000)
	for _, c := range []struct {
		model string
		cache bool
		works bool
	}{{"X1C", true, true}, {"P1S", true, true}, {"P1S", false, false}, {"A1", true, true}, {"A1", false, true}, {"H2D", true, true}} {
		b := fileServer(t, c.model, Card{})
		secure := ftpTLS(b.Printer)
		if !c.cache {
			secure.ClientSessionCache = nil
		}
		conn, err := ftp.Dial(ftpAddress(b.Printer), ftp.DialWithTLS(secure), ftp.DialWithTimeout(patience), ftp.DialWithDisabledMLSD(true))
		must(t, err)
		must(t, conn.Login("bblp", testCode))
		err = conn.Stor("/cache/cube.3mf", bytes.NewReader(content))
		if (err == nil) != c.works {
			t.Fatalf("%+v: %v", c, err)
		}
		if !c.works {
			_ = conn.Quit()
			continue
		}
		must(t, conn.Stor("/cache/empty.3mf", bytes.NewReader(nil)))
		size, err := conn.FileSize("/cache/cube.3mf")
		if must(t, err); size != int64(len(content)) {
			t.Errorf("size %d", size)
		}
		entries, err := conn.List("/cache")
		if must(t, err); len(entries) != 2 || entries[0].Name != "cube.3mf" || entries[0].Size != uint64(len(content)) || time.Since(entries[0].Time).Abs() > 25*time.Hour {
			t.Errorf("entries %+v", entries)
		}
		from, err := conn.Retr("/cache/cube.3mf")
		must(t, err)
		back, err := io.ReadAll(from)
		must(t, err)
		must(t, from.Close())
		if !bytes.Equal(back, content) {
			t.Errorf("%d bytes came back", len(back))
		}
		must(t, conn.Delete("/cache/cube.3mf"))
		must(t, conn.Quit())
	}
}

func TestAFileIsUploadedAndPrinted(t *testing.T) {
	t.Parallel()
	b := onLAN(t, Config{Speed: 300})
	content := sample.ThreeMF(sample.Seconds(600))
	g := signedInFTP(t, b.Printer)
	g.send(226, "/cube.gcode.3mf", content)
	b.pushall()
	b.succeed("print", "project_file", map[string]any{"param": "Metadata/plate_1.gcode", "url": "ftp://cube.gcode.3mf", "md5": "", "timelapse": true})
	b.until("gcode_state", "FINISH")
	soon(t, "the timelapse", func() bool {
		list, err := b.storage.list("/timelapse")
		return err == nil && len(list) == 1 && b.storage.available("/timelapse/"+list[0].Name())
	})
	if film := g.fetch("RETR /timelapse/" + strings.TrimSpace(g.fetch("NLST /timelapse"))); !strings.HasPrefix(film, "RIFF") {
		t.Errorf("the film is %.20q", film)
	}
}

func (s *storage) available(name string) bool {
	f, err := s.open(name)
	if err == nil {
		f.Close()
	}
	return err == nil
}
