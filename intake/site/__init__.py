"""The public web application. It can seal a testimony and cannot open one."""
