// Package udev tells what device is behind a link, from sysfs and from what
// udev has put in its database. All of it is optional: a container has neither
// and a virtual link no device. It writes nothing, follows no symbolic link
// out of its root, and reads only little of each file.
package udev
