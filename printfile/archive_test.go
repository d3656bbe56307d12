package printfile_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io/fs"
	"strconv"
	"strings"
	"testing"

	"github.com/grovecloud/grove/printfile"
	"github.com/grovecloud/grove/printfile/sample"
)

// entry is a member of a hand-made archive.
type entry struct {
	header  zip.FileHeader
	content []byte
}

func pack(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		w, err := z.CreateHeader(&e.header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(e.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gcodeEntry() entry {
	return entry{header: zip.FileHeader{Name: "Metadata/plate_1.gcode"}, content: []byte("G28\nG1 X1\n")}
}

// directory is where the n-th entry of the table of contents begins.
func directory(t *testing.T, content []byte, n int) int {
	t.Helper()
	at := int(binary.LittleEndian.Uint32(content[len(content)-6:]))
	for range n {
		length := func(offset int) int { return int(binary.LittleEndian.Uint16(content[at+offset:])) }
		at += 46 + length(28) + length(30) + length(32)
	}
	if !bytes.HasPrefix(content[at:], []byte("PK\x01\x02")) {
		t.Fatal("no entry there")
	}
	return at
}

func TestASimpleHandmadeArchiveIsFine(t *testing.T) {
	t.Parallel()
	if info := read(t, "a.3mf", pack(t, gcodeEntry(), entry{header: zip.FileHeader{Name: "Metadata/"}}), printfile.Limits{}); info.Problem != "" || !info.Sliced {
		t.Errorf("%+v", info)
	}
}

func TestUnsafeNamesAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"../evil", "a/../../evil", "/etc/passwd", `a\b`, `C:\evil`, "C:evil", "a//b", "./a", "a/./b", "a/..", "..", ".", "/", "a\x00b", "a\xffb", "a/../Metadata/plate_2.gcode", "",
	} {
		t.Run(fmt.Sprintf("%q", name), func(t *testing.T) {
			t.Parallel()
			wantProblem(t, "a.3mf", pack(t, gcodeEntry(), entry{header: zip.FileHeader{Name: name}}), "unsafe name")
		})
	}
}

func TestNaughtyEntryNamesAreOnlyNames(t *testing.T) {
	t.Parallel()
	for i, name := range naughtyStrings() {
		if strings.ContainsAny(name, `/\`) || name == "." {
			continue
		}
		content := small(sample.Layers(2), sample.Member(fmt.Sprintf("Auxiliaries/%d %s", i, name), []byte("x")))
		if info := read(t, "a.3mf", content, printfile.Limits{}); info.Problem != "" {
			t.Errorf("%q: %s", name, info.Problem)
		}
	}
}

func TestNamesThatDifferInCaseOnlyAreRefused(t *testing.T) {
	t.Parallel()
	for _, twin := range []string{"Metadata/plate_1.gcode", "metadata/PLATE_1.gcode", "METADATA/plate_1.GCODE/"} {
		wantProblem(t, "a.3mf", pack(t, gcodeEntry(), entry{header: zip.FileHeader{Name: twin}}), "two entries")
	}
	wantProblem(t, "a.3mf", pack(t, gcodeEntry(), entry{header: zip.FileHeader{Name: "ſ"}}, entry{header: zip.FileHeader{Name: "s"}}), "two entries")
}

func TestLinksAndDevicesAreRefused(t *testing.T) {
	t.Parallel()
	for _, mode := range []fs.FileMode{fs.ModeSymlink, fs.ModeDevice, fs.ModeNamedPipe, fs.ModeSocket} {
		e := entry{header: zip.FileHeader{Name: "link"}, content: []byte("/etc/passwd")}
		e.header.SetMode(mode | 0o777)
		wantProblem(t, "a.3mf", pack(t, gcodeEntry(), e), "link or a device")
	}
}

func TestEncryptedEntriesAreRefused(t *testing.T) {
	t.Parallel()
	content := pack(t, gcodeEntry())
	content[directory(t, content, 0)+8] |= 1
	wantProblem(t, "a.3mf", content, "encrypted")
}

func TestOtherCompressionIsRefused(t *testing.T) {
	t.Parallel()
	content := pack(t, gcodeEntry())
	content[directory(t, content, 0)+10] = 12
	wantProblem(t, "a.3mf", content, "packed in a way")
}

func TestOverlappingEntriesAreRefused(t *testing.T) {
	t.Parallel()
	twin := gcodeEntry()
	twin.header.Name = "Metadata/plate_2.gcode"
	content := pack(t, gcodeEntry(), twin)
	// The second entry now points to the first one's bytes.
	binary.LittleEndian.PutUint32(content[directory(t, content, 1)+42:], 0)
	wantProblem(t, "a.3mf", content, "overlap")

	// The first entry's data reaches over the header of the second.
	content = pack(t, gcodeEntry(), twin)
	size := content[directory(t, content, 0)+20:]
	binary.LittleEndian.PutUint32(size, binary.LittleEndian.Uint32(size)+60)
	wantProblem(t, "a.3mf", content, "overlap")
}

func TestTightlyPackedEntriesAreRefused(t *testing.T) {
	t.Parallel()
	zeros := make([]byte, 8<<20)
	wantProblem(t, "a.3mf", small(sample.Member("Auxiliaries/zeros", zeros)), "more than 200 times")
	// Up to a mebibyte anything goes.
	if info := read(t, "a.3mf", small(sample.Member("Auxiliaries/zeros", zeros[:1<<20])), printfile.Limits{}); info.Problem != "" {
		t.Error(info.Problem)
	}
}

func TestNestedArchivesAreNotOpened(t *testing.T) {
	t.Parallel()
	inner := small(sample.Member("../bomb", make([]byte, 8<<20)))
	if info := read(t, "a.3mf", small(sample.Member("Auxiliaries/inner.zip", inner)), printfile.Limits{}); info.Problem != "" {
		t.Error(info.Problem)
	}
}

func TestTheTotalIsBounded(t *testing.T) {
	t.Parallel()
	content := sample.ThreeMF(sample.Plates(3))
	if info := read(t, "a.3mf", content, printfile.Limits{UnpackedBytes: 200_000}); !strings.Contains(info.Problem, "unpacks to more") {
		t.Errorf("problem is %q", info.Problem)
	}
	gcode := sample.Gcode(sample.Size(300_000))
	if info := read(t, "a.gcode", gcode, printfile.Limits{UnpackedBytes: 200_000}); info.Problem == "" {
		t.Error("no problem")
	}
}

func TestSizesAreCountedNotBelieved(t *testing.T) {
	t.Parallel()
	e := entry{header: zip.FileHeader{Name: "Metadata/plate_1.gcode", Method: zip.Deflate}, content: bytes.Repeat([]byte("G1 X1\n"), 1<<20)}
	content := pack(t, e)
	at := directory(t, content, 0)
	binary.LittleEndian.PutUint32(content[at+24:], 1000) // says it unpacks to 1000 bytes
	wantProblem(t, "a.3mf", content, "damaged")
}

func TestTooManyEntriesAreRefused(t *testing.T) {
	t.Parallel()
	var entries []entry
	for i := range 4097 {
		entries = append(entries, entry{header: zip.FileHeader{Name: strconv.Itoa(i), Method: zip.Store}})
	}
	wantProblem(t, "a.3mf", pack(t, entries...), "more than 4096 entries")
	entries[0] = gcodeEntry()
	if info := read(t, "a.3mf", pack(t, entries[:4096]...), printfile.Limits{}); info.Problem != "" {
		t.Error(info.Problem)
	}
}

// manyEntries makes an archive of one stored entry that its table of contents
// lists again and again, in ZIP64 form with the claimed number.
func manyEntries(claimed uint64, listed int) []byte {
	content := []byte("G28\n")
	record := func(signature string, local bool) []byte {
		b := []byte(signature)
		if !local {
			b = append(b, 20, 0)
		}
		b = append(b, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0)
		b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(content))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(content)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(content)))
		b = append(b, 1, 0, 0, 0)
		if !local {
			b = append(b, make([]byte, 14)...)
		}
		return append(b, 'a')
	}
	b := append(record("PK\x03\x04", true), content...)
	start := uint64(len(b))
	b = append(b, bytes.Repeat(record("PK\x01\x02", false), listed)...)
	end := uint64(len(b))
	b = append(b, "PK\x06\x06"...)
	b = binary.LittleEndian.AppendUint64(b, 44)
	b = append(b, make([]byte, 12)...)
	for _, v := range []uint64{claimed, claimed, end - start, start} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = append(b, "PK\x06\x07\x00\x00\x00\x00"...)
	b = binary.LittleEndian.AppendUint64(b, end)
	b = append(b, 1, 0, 0, 0)
	b = append(b, "PK\x05\x06\x00\x00\x00\x00\xff\xff\xff\xff"...) // the numbers are in the other record
	return append(b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0)
}

func TestEntryCountsAreNotBelieved(t *testing.T) {
	t.Parallel()
	wantProblem(t, "a.3mf", manyEntries(1<<40, 1), "more than 4096 entries")
	wantProblem(t, "a.3mf", manyEntries(1, 200_000), "table of contents")
	wantProblem(t, "a.3mf", manyEntries(1, 1+1<<16), "more than 4096 entries")
	if info := read(t, "a.3mf", manyEntries(1, 1), printfile.Limits{}); !strings.Contains(info.Problem, "no 3MF") {
		t.Errorf("a sound ZIP64 archive: %q", info.Problem)
	}
}

func TestDocumentTypesAreRefused(t *testing.T) {
	t.Parallel()
	for name, dtd := range map[string]string{
		"external":      `<!DOCTYPE config SYSTEM "file:///etc/passwd">`,
		"entity":        `<!DOCTYPE config [<!ENTITY x SYSTEM "file:///etc/passwd">]>`,
		"laughs":        `<!DOCTYPE config [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>`,
		"empty":         `<!DOCTYPE config>`,
		"stray element": `<!ELEMENT config ANY>`,
	} {
		for _, member := range []string{"Metadata/slice_info.config", "Metadata/model_settings.config", "3D/3dmodel.model"} {
			t.Run(name+" in "+member, func(t *testing.T) {
				t.Parallel()
				xml := `<?xml version="1.0"?>` + dtd + `<config><plate><metadata key="index" value="1"/></plate></config>`
				wantProblem(t, "a.3mf", small(sample.Member(member, []byte(xml))), "document type")
			})
		}
	}
}

func TestXMLIsBounded(t *testing.T) {
	t.Parallel()
	const member = "Metadata/slice_info.config"
	for _, c := range []struct{ name, xml, words string }{
		{"deep", strings.Repeat("<a>", 65) + strings.Repeat("</a>", 65), "nested more than 64"},
		{"one long text", "<a>" + noise(2<<20) + "</a>", "text of more than"},
		{"one long attribute", `<a b="` + noise(2<<20) + `"/>`, "text of more than"},
		{"one long comment", `<!--` + noise(2<<20) + `--><a/>`, "text of more than"},
		{"unknown entity", `<a>&passwd;</a>`, "damaged"},
		{"crossed", `<a><b></a></b>`, "damaged"},
		{"cut", `<config><plate>`, "damaged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			wantProblem(t, "a.3mf", small(sample.Member(member, []byte(c.xml))), c.words)
		})
	}
	if info := read(t, "a.3mf", small(sample.Member(member, []byte("<a>"+noise(9000)+"</a>"))), printfile.Limits{XMLBytes: 4096}); info.Problem == "" {
		t.Error("an XML over the limit is no problem")
	}
}

// noise is text that packs badly.
func noise(n int) string {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = 'a' + byte(x>>24)%26
	}
	return string(b)
}

func TestADamagedModelPartCostsOnlyTheTitle(t *testing.T) {
	t.Parallel()
	info := read(t, "a.3mf", small(sample.Member("3D/3dmodel.model", []byte("<model><metadata name="))), printfile.Limits{})
	if info.Problem != "" || info.Title != "" || !info.Sliced {
		t.Errorf("%+v", info)
	}
}
