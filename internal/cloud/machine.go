package cloud

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/netbrk/netbrk/internal/hostnet"
)

const (
	dmiDir = "sys/class/dmi/id/"
	// maxFact bounds a file of sysfs, which is a page at most.
	maxFact = 4 << 10
	// maxEnviron bounds the environment of process 1.
	maxEnviron = 64 << 10
)

// machine is what files tell of where a machine runs.
type machine struct {
	// facts are DMI's by their names in sysfs, and "hypervisor/uuid".
	facts  map[string]string
	hasDMI bool
	// containerBy is what says that it is a container; empty for none.
	containerBy string
	// product is process 1's product_name, which nova-lxd sets.
	product string
}

// readMachine reads what is there. product_uuid and product_serial are root's
// alone.
func readMachine(dir string) machine {
	m := machine{facts: map[string]string{}}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return m
	}
	defer root.Close()
	for _, name := range []string{
		"sys_vendor", "product_name", "product_version", "product_uuid", "product_serial",
		"bios_vendor", "bios_version", "chassis_asset_tag",
	} {
		m.fact(root, name, dmiDir+name)
	}
	m.fact(root, "hypervisor/uuid", "sys/hypervisor/uuid")
	_, err = root.Stat(dmiDir)
	m.hasDMI = err == nil
	m.inContainer(root)
	return m
}

func (m machine) fact(root *os.Root, name, path string) {
	value := bytes.TrimSpace(readFile(root, path, maxFact))
	// A string that was never set is read as the bytes of erased flash memory.
	if len(bytes.Trim(value, "\xff")) > 0 && hostnet.PrintableText(string(value), maxFact) {
		m.facts[name] = string(value)
	}
}

func (m machine) why(name string) string {
	return fmt.Sprintf("%s is %q", name, m.facts[name])
}

// inContainer looks where systemd does (detect_container in its virt.c), and for
// the files of docker and podman.
func (m *machine) inContainer(root *os.Root) {
	for _, path := range []string{"run/host/container-manager", "run/systemd/container"} {
		if name := bytes.TrimSpace(readFile(root, path, maxFact)); len(name) > 0 {
			m.containerBy = fmt.Sprintf("/%s is %.60q", path, name)
			break
		}
	}
	for variable := range bytes.SplitSeq(readFile(root, "proc/1/environ", maxEnviron), []byte{0}) {
		name, value, _ := strings.Cut(string(variable), "=")
		switch {
		case name == "container" && value != "" && m.containerBy == "":
			m.containerBy = fmt.Sprintf("container=%.60q in the environment of process 1", value)
		case name == "product_name":
			m.product = value
		}
	}
	for _, path := range []string{"run/.containerenv", ".dockerenv"} {
		if _, err := root.Stat(path); err == nil && m.containerBy == "" {
			m.containerBy = fmt.Sprintf("/%s is there", path)
		}
	}
}

// readFile returns the start of a regular file, nothing if there is none to read.
func readFile(root *os.Root, path string, maxBytes int64) []byte {
	// O_NONBLOCK: to open a pipe would else wait for its writer.
	f, err := root.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxBytes))
	if err != nil {
		return nil
	}
	return raw
}
