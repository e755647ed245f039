#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Before the agent starts: Java 11, 17 or 21 at /usr/bin/java, or no start. It asks `java --version`; a Java that only
# knows `-version` (8 and older) cannot be told and is let through.
if [ ! -f /usr/bin/java ]; then
  echo "ERROR: /usr/bin/java does not exist"
  exit 1
fi
major=$(/usr/bin/java --version 2>/dev/null | head -n 1 | grep -oE '[0-9]+' | head -n 1)
case $major in
  17) ;;
  "") echo "WARNING: Cannot determine the JAVA version" ;;
  11 | 21) echo "WARNING: JAVA version is $major. JAVA 17 is recommended." ;;
  *)
    echo "ERROR: JAVA $major is not supported. Currently only JAVA 17, 21 and JAVA 11 are supported."
    exit 1
    ;;
esac
exit 0
